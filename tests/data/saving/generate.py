"""Makes the golden files in this folder: models saved by many generations of Keras.

A file is named ``<set>_<model>.<suffix>.gz`` and is, unpacked, the file that Keras wrote.
``<set>_<model>.npz`` beside it holds inputs ``x0, x1, ...`` and the outputs ``y0, y1, ...`` that
the same Keras gave for them. Each set needs an environment of its own, with the packages below;
the tests need none of them. A second argument makes only the model of that name.

    python generate.py keras122     Python 3.6   keras==1.2.2 theano==0.9.0 "h5py<3" "numpy<1.17"
    python generate.py keras122tf   Python 3.6   keras==1.2.2 tensorflow==1.4.0 "h5py<3" and
                                             "numpy<1.17" "protobuf<3.18"
    python generate.py keras224     Python 3.7   keras==2.2.4 tensorflow-cpu==1.15.0 "h5py<3" and
                                             "numpy<1.20"
    python generate.py tf115        the same environment, by tf.keras
    python generate.py tf23         Python 3.8   tensorflow-cpu==2.3.4 "protobuf<3.21" "h5py<3"
    python generate.py tf25         Python 3.8   tensorflow-cpu==2.5.3 "protobuf<3.21"
    python generate.py tf212        Python 3.8   tensorflow-cpu==2.12.1
    python generate.py tf213        Python 3.9   tensorflow-cpu==2.13.1
    python generate.py tf215        Python 3.10  tensorflow-cpu==2.15.1
    python generate.py tfkeras221   Python 3.11  tensorflow-cpu==2.21 tf_keras==2.21
    python generate.py keras333     Python 3.10  tensorflow-cpu==2.16.1 keras==3.3.3
    python generate.py keras315     Python 3.11  tensorflow-cpu==2.21 keras==3.15
"""

# ruff: noqa: B905 - zip() has no strict= in Python 3.6

import gzip
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if sys.argv[1:2] == ["keras122"]:
    os.environ["KERAS_BACKEND"] = "theano"

import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))


def import_keras(name):
    """The keras module of a set."""
    if name == "tfkeras221":
        import tf_keras

        return tf_keras
    if name.startswith("tf"):
        import tensorflow

        return tensorflow.keras
    import keras

    return keras


def set_random_weights(model):
    """Weights large enough that every gate, mask and bias shows in the outputs."""
    random = np.random.RandomState(1)
    shapes = [weight.shape for weight in model.get_weights()]
    model.set_weights([random.uniform(-0.8, 0.8, s).astype("float32") for s in shapes])


def write(name, suffix, model, inputs, save=None):
    """Save a model, its inputs and its outputs."""
    if sys.argv[2:] and name.split("_", 1)[1] not in sys.argv[2:]:
        return
    base = os.path.join(FOLDER, name)
    (save or model.save)(base + suffix)
    pack(base + suffix)
    outputs = outputs_of(model, inputs)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    arrays = {f"x{i}": x for i, x in enumerate(inputs)}
    arrays.update({f"y{i}": y for i, y in enumerate(outputs)})
    np.savez_compressed(base + ".npz", **arrays)


def outputs_of(model, inputs):
    if all(x.dtype.kind != "U" for x in inputs):
        return model.predict(inputs if len(inputs) > 1 else inputs[0])
    import tensorflow

    # `predict` of Keras 3 takes no strings in arrays of NumPy.
    tensors = [tensorflow.constant(x) for x in inputs]
    return np.asarray(model(tensors if len(tensors) > 1 else tensors[0]))


def pack(path):
    """Replace a file by its gzip, without the time, so that it is reproducible."""
    with open(path, "rb") as file:
        content = file.read()
    with open(path + ".gz", "wb") as packed, gzip.GzipFile("", "wb", 9, packed, 0) as writer:
        writer.write(content)
    os.remove(path)
    print(os.path.basename(path), os.path.getsize(path + ".gz"))


def series(*shape):
    return np.random.RandomState(2).uniform(-2, 2, shape).astype("float32")


def token_ids():
    """Ids with padding before, inside and after, and a row of nothing else."""
    return np.array([[1, 2, 3, 4, 5], [0, 0, 6, 2, 1], [3, 0, 1, 0, 0], [0, 0, 0, 0, 0]])


def sequential(keras, **lstm_options):
    """Embedding with mask, LSTM, GRU, Dense, with this Keras's own defaults."""
    layers = keras.layers
    model = keras.models.Sequential()
    if keras.__name__.startswith("keras") and hasattr(keras, "ops"):
        model.add(layers.Input((5,)))
        model.add(layers.Embedding(7, 3, mask_zero=True))
    else:
        model.add(layers.Embedding(7, 3, mask_zero=True, input_length=5))
    model.add(layers.LSTM(4, return_sequences=True, **lstm_options))
    model.add(layers.Dropout(0.5))
    model.add(layers.GRU(3))
    model.add(layers.Dense(2, activation="softmax"))
    set_random_weights(model)
    return model


def functional(keras, slash):
    """Two outputs, an initial state from inputs, a shared layer, all three recurrent layers."""
    layers = keras.layers
    x = layers.Input((5, 3), name="x")
    h = layers.Input((4,), name="h")
    c = layers.Input((4,), name="c")
    lstm = layers.LSTM(
        4,
        return_sequences=True,
        return_state=True,
        recurrent_activation="hard_sigmoid",
        name="encoder/lstm" if slash else "encoder_lstm",
    )
    steps, last_h, last_c = lstm(x, initial_state=[h, c])
    shared = layers.Dense(2, name="shared")
    backward = layers.SimpleRNN(3, go_backwards=True)(steps)
    forward = layers.GRU(2, activation="relu")(steps)
    joined = layers.Dense(2)(backward)
    model = keras.models.Model([x, h, c], [shared(last_h), joined, shared(last_c), forward])
    set_random_weights(model)
    return model, [series(3, 5, 3), series(3, 4), series(3, 4)]


def nested(keras):
    """Nested models, one of them called twice, and three layers of one class."""
    layers = keras.layers
    inner_x = layers.Input((5, 3))
    inner = keras.models.Model(inner_x, layers.LSTM(3, return_sequences=True)(inner_x))
    sequence = keras.models.Sequential()
    sequence.add(layers.SimpleRNN(3, return_sequences=True, input_shape=(5, 3)))
    sequence.add(layers.Activation("hard_sigmoid"))
    x = layers.Input((5, 3))
    once = inner(x)
    twice = inner(sequence(once))
    y = layers.Dense(2)(layers.Dense(4)(layers.Dense(3)(twice)))
    model = keras.models.Model(x, [y, once])
    set_random_weights(model)
    return model, [series(2, 5, 3)]


def bidirectional(keras):
    layers = keras.layers
    wrapped = {"input_shape": (5, 3)}
    model = keras.models.Sequential()
    model.add(layers.Bidirectional(layers.LSTM(2, return_sequences=True), **wrapped))
    model.add(layers.TimeDistributed(layers.Dense(3)))
    model.add(layers.Bidirectional(layers.GRU(2), merge_mode="sum"))
    set_random_weights(model)
    return model, [series(2, 5, 3)]


def masked_bidirectional(keras):
    """Masked steps of the sequences: zeros, or in old Keras the output before them."""
    layers = keras.layers
    model = keras.models.Sequential()
    model.add(layers.Embedding(7, 3, mask_zero=True, input_length=5))
    model.add(layers.Bidirectional(layers.LSTM(2, return_sequences=True)))
    set_random_weights(model)
    return model


def stacked(keras):
    """Cells in a list, and a nested model of which a part is frozen."""
    layers = keras.layers
    x = layers.Input((5, 3))
    cells = [layers.LSTMCell(2), layers.GRUCell(3), layers.SimpleRNNCell(2), layers.LSTMCell(4)]
    inner = keras.models.Sequential()
    inner.add(layers.Dense(3, input_shape=(5, 4)))
    inner.add(layers.BatchNormalization())
    inner.add(layers.Dense(2))
    inner.layers[0].trainable = False
    model = keras.models.Model(x, inner(layers.RNN(cells, return_sequences=True)(x)))
    random = np.random.RandomState(1)  # positive: some of the weights are variances
    shapes = [weight.shape for weight in model.get_weights()]
    model.set_weights([random.uniform(0.1, 0.8, s).astype("float32") for s in shapes])
    return model, [series(2, 5, 3)]


def given_states(keras):
    """Masked layers that are given initial states: Keras 2 uses the mask all the same."""
    layers = keras.layers
    x = layers.Input((5, 3), name="x")
    h = layers.Input((2,), name="h")
    masked = layers.Masking()(x)
    steps = layers.LSTM(2, return_sequences=True)(masked, initial_state=[h, h])
    outputs = [steps, layers.SimpleRNN(2)(steps)]
    if keras.__name__ != "keras":
        both = layers.Bidirectional(layers.GRU(2, return_sequences=True))
        outputs.append(both(masked, initial_state=[h, h]))
    model = keras.models.Model([x, h], outputs)
    set_random_weights(model)
    values = series(3, 5, 3)
    values[1, 3:] = 0
    return model, [values, series(3, 2)]


def masked_from_the_start(keras):
    """Given states, and masked steps before all others: what do these output?"""
    layers = keras.layers
    x = layers.Input((5, 3), name="x")
    states = [layers.Input((2,)) for _ in range(4)]
    masked = layers.Masking()(x)
    steps = layers.LSTM(2, return_sequences=True)(masked, initial_state=states[:2])
    last = layers.GRU(2)(masked, initial_state=states[0])
    backwards = layers.SimpleRNN(2, go_backwards=True)(masked, initial_state=states[1])
    both = layers.Bidirectional(layers.LSTM(2, return_sequences=True))
    outputs = [steps, last, backwards, both(masked, initial_state=states)]
    model = keras.models.Model([x, *states], outputs)
    set_random_weights(model)
    values = series(4, 5, 3)
    values[1, :2] = values[2, 3:] = values[2, 0] = values[3] = 0
    return model, [values, *series(4, 4, 2)]


def operations(keras):
    """Functions of TensorFlow between layers, as hand-written attention has them."""
    import tensorflow as tf

    layers = keras.layers
    x = layers.Input((5, 4), name="x")
    steps = layers.LSTM(4, return_sequences=True)(x)
    last = steps[:, -1, :]
    scores = tf.matmul(steps, tf.expand_dims(last, -1))
    weights = tf.nn.softmax(tf.squeeze(scores, axis=-1) / 2.0 + [0.0, 0.1, 0.2, 0.3, 0.4])
    context = tf.reduce_sum(steps * weights[:, :, tf.newaxis], axis=1)
    mixed = tf.concat([context, 1.0 - last, tf.reduce_mean(x, axis=1)], axis=-1)
    spread = tf.maximum(tf.abs(mixed), 0.1) ** 2
    turned = tf.transpose(tf.reshape(spread, (-1, 3, 4)), perm=[0, 2, 1])
    chosen = tf.where(turned > 0.2, turned, tf.zeros_like(turned))
    present = tf.cast(tf.reduce_any(tf.not_equal(x, 0.0), axis=-1), "float32")
    products = tf.matmul(chosen, chosen, transpose_b=True)
    model = keras.models.Model(x, [layers.Dense(2)(spread), products, present, x[:, ::2, 1:3]])
    set_random_weights(model)
    values = series(3, 5, 4)
    values[1, 3:] = 0
    return model, [values]


def texts():
    """Words that occur more and less often, unknown ones, none; beyond ASCII, other white space."""
    return np.array(
        [
            ["The cat sat, the dog SAT."],
            ["Zoë\u2019s dog?\tcat\u00a0cat"],
            ["a bird\u2028here"],
            ["  "],
        ]
    )


def preprocessing(keras):
    """Vocabularies and boundaries that were learned: in an archive's assets, config or weights."""
    layers = keras.layers
    text, word = keras.Input((1,), dtype="string"), keras.Input((2,), dtype="string")
    number, real = keras.Input((2,), dtype="int64"), keras.Input((2,))
    learned = texts()[:2, 0]
    words = np.array([["x", "y"], ["y", "é"], ["q", "r"], ["", "x"]])
    ids = np.array([[7, -3], [7, 7], [1, 2], [-3, 9]])
    vectorization = layers.TextVectorization(output_sequence_length=6)
    weighted = layers.TextVectorization(output_mode="tf_idf", ngrams=2)
    lookup = layers.StringLookup(num_oov_indices=3, mask_token="")
    integers = layers.IntegerLookup(output_mode="multi_hot", max_tokens=4, pad_to_max_tokens=True)
    bins = layers.Discretization(num_bins=3)
    for layer, data in (
        (vectorization, learned),
        (weighted, learned),
        (lookup, words[:2]),
        (integers, ids[:2]),
        (bins, np.arange(9.0)),
    ):
        layer.adapt(data)
    inside = keras.Sequential([keras.Input((1,), dtype="string"), vectorization])
    found = [
        layers.LSTM(2)(layers.Embedding(12, 3, mask_zero=True)(inside(text))),
        layers.Dense(2)(layers.Flatten()(weighted(text))),
        layers.GRU(2)(layers.Embedding(9, 3, mask_zero=True)(lookup(word))),
        layers.GRU(2)(layers.Embedding(4, 3)(layers.Hashing(4, salt=[1, 2])(word))),
        layers.Dense(2)(integers(number)),
        layers.GRU(2)(layers.Embedding(4, 3)(bins(real))),
    ]
    model = keras.Model([text, word, number, real], layers.Concatenate()(found))
    for layer in model.layers:
        if isinstance(layer, (layers.LSTM, layers.GRU, layers.Embedding, layers.Dense)):
            set_random_weights(layer)
    return model, [texts(), words, ids, np.array([[0, 1], [3, 9], [5, -1], [2, 2]], "float32")]


def text_legacy(keras):
    """What an .h5 file can hold: vocabularies in the config; boundaries, in Keras 2 a summary."""
    layers = keras.layers
    text, real = keras.Input((1,), dtype="string"), keras.Input((2,))
    weights = {"vocabulary": ["cat", "dog"], "idf_weights": [0.5, 2.0]}
    weighted = layers.TextVectorization(output_mode="tf_idf", **weights)
    vectorization = layers.TextVectorization(split="character", vocabulary=["a", "s", "t"])
    bins = layers.Discretization(num_bins=3)
    bins.adapt(np.arange(9.0))
    found = [
        layers.Dense(2)(layers.Flatten()(weighted(text))),
        layers.LSTM(2)(layers.Embedding(5, 3, mask_zero=True)(vectorization(text))),
        layers.GRU(2)(layers.Embedding(4, 3)(bins(real))),
    ]
    model = keras.Model([text, real], layers.Concatenate()(found))
    for layer in model.layers:
        if isinstance(layer, (layers.LSTM, layers.GRU, layers.Embedding, layers.Dense)):
            set_random_weights(layer)
    return model, [texts(), np.array([[0, 1], [3, 9], [5, -1], [2, 2]], "float32")]


def masked_functional(keras):
    """Keras 3 records the mask of an Embedding as operations of the graph."""
    layers = keras.layers
    x = layers.Input((5,), dtype="int32")
    y = layers.GRU(3)(layers.Embedding(7, 3, mask_zero=True)(x))
    model = keras.models.Model(x, layers.Dense(2)(y))
    set_random_weights(model)
    return model


def write_cudnn(keras):
    """CuDNN layers cannot even be saved without a GPU.

    So the file of a plain model is changed into what CuDNN layers would have saved; Keras's own
    function turns the weights, and the plain model gives the outputs.
    """
    import json

    import h5py
    from keras.engine.saving import preprocess_weights_for_loading

    layers = keras.layers
    model = keras.models.Sequential()
    gates = {"recurrent_activation": "sigmoid"}
    model.add(layers.LSTM(4, return_sequences=True, input_shape=(5, 3), name="a", **gates))
    model.add(layers.GRU(2, reset_after=True, name="b", **gates))
    set_random_weights(model)

    def save(path):
        model.save(path)
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            for layer, kept in zip(config["config"]["layers"], model.layers):
                layer["class_name"] = "CuDNN" + layer["class_name"]
                for key in ("activation", "recurrent_activation", "use_bias", "reset_after"):
                    layer["config"].pop(key, None)
                group = file["model_weights"][kept.name]
                names = group.attrs["weight_names"]
                target = type(str(layer["class_name"]), (), {})()
                arrays = preprocess_weights_for_loading(target, kept.get_weights(), "2.2.4")
                for weight_name, array in zip(names, arrays):
                    del group[weight_name]
                    group[weight_name] = array
            file.attrs["model_config"] = json.dumps(config).encode("utf8")

    write("keras224_cudnn", ".h5", model, [series(2, 5, 3)], save)


def constants(keras):
    """Tensors that no layer made: numbers in the file."""
    import tensorflow

    def fixed(*shape):
        return tensorflow.constant(series(*shape))

    layers = keras.layers
    x = layers.Input(batch_shape=(4, 5, 2))
    steps, _, last = layers.LSTM(3, return_sequences=True, return_state=True)(
        x, initial_state=[fixed(4, 3), 2 * fixed(4, 3)]
    )
    joined = layers.Concatenate()([steps, fixed(4, 5, 1)])
    both = layers.Bidirectional(layers.GRU(2))(joined, initial_state=[fixed(4, 2), 2 * fixed(4, 2)])
    model = keras.models.Model(x, [layers.Add()([last, fixed(4, 3)]), both])
    set_random_weights(model)
    return model, [series(4, 5, 2)]


def frozen(keras):
    """Parts frozen one by one, which most configs do not say: their weights come last in HDF5."""
    layers = keras.layers
    both = layers.Bidirectional(layers.LSTM(3, return_sequences=True))
    pair = layers.RNN([layers.GRUCell(3), layers.GRUCell(3)], return_sequences=True)
    inner = keras.models.Sequential([layers.Dense(3), layers.BatchNormalization(), layers.Dense(3)])
    model = keras.models.Sequential([layers.Input((5, 2)), both, pair, inner])
    set_random_weights(model)
    both.forward_layer.trainable = False
    pair.cell.cells[0].trainable = False
    inner.layers[0].trainable = False
    return model, [series(2, 5, 2)]


def write_keras1(keras):
    """Keras 1 has its own argument names."""
    layers, models = keras.layers, keras.models
    model = models.Sequential()
    model.add(layers.Embedding(7, 3, mask_zero=True, input_length=5))
    model.add(layers.LSTM(4, return_sequences=True))
    model.add(layers.Dropout(0.5))
    model.add(layers.GRU(3, inner_activation="sigmoid"))
    model.add(layers.Dense(2, activation="softmax"))
    set_random_weights(model)
    write("keras122_sequential", ".h5", model, [token_ids()])
    x = layers.Input(shape=(5, 3), name="x")
    steps = layers.SimpleRNN(3, return_sequences=True, activation="relu")(x)
    gated = layers.LSTM(4, consume_less="gpu", go_backwards=True)(steps)
    model = models.Model(input=x, output=[layers.Dense(2)(gated), steps])
    set_random_weights(model)
    write("keras122_functional", ".h5", model, [series(2, 5, 3)])
    model = models.Sequential()
    model.add(layers.Bidirectional(layers.LSTM(2, return_sequences=True), input_shape=(5, 3)))
    model.add(layers.TimeDistributed(layers.Dense(3)))
    set_random_weights(model)
    write("keras122_bidirectional", ".h5", model, [series(2, 5, 3)])
    write("keras122_maskedboth", ".h5", masked_bidirectional(keras), [token_ids()])


def write_keras1_convolutions(name, keras):
    """Kernels of Keras 1; Theano's are turned around, and channels may come first."""
    layers, models = keras.layers, keras.models
    for ordering, film in (("tf", (4, 6, 5, 2)), ("th", (4, 2, 6, 5))):
        # Where the window of an even size starts depends on the backend, unless it is "valid".
        first = {"border_mode": "same", "return_sequences": True, "input_shape": film}
        model = models.Sequential()
        model.add(layers.ConvLSTM2D(3, 3, 3, dim_ordering=ordering, **first))
        images = (
            layers.Convolution2D(4, 3, 2, subsample=(1, 2), dim_ordering=ordering),
            layers.MaxPooling2D((2, 1), dim_ordering=ordering),
            layers.AveragePooling2D((1, 2), dim_ordering=ordering),
            layers.Flatten(),
        )
        for layer in images:
            model.add(layers.TimeDistributed(layer))
        model.add(layers.Convolution1D(3, 3, border_mode="same", activation="relu"))
        model.add(layers.Convolution1D(3, 2, subsample_length=2))
        model.add(layers.LSTM(2))
        set_random_weights(model)
        write(name + "_convolutions_" + ordering, ".h5", model, [series(2, *film)])


def write_keras2(name, keras):
    """Full-model HDF5 of standalone Keras 2 and tf.keras."""
    write(name + "_sequential", ".h5", sequential(keras), [token_ids()])
    write(name + "_functional", ".h5", *functional(keras, slash=True))
    write(name + "_nested", ".h5", *nested(keras))
    write(name + "_bidirectional", ".h5", *bidirectional(keras))
    write(name + "_maskedboth", ".h5", masked_bidirectional(keras), [token_ids()])
    write(name + "_stacked", ".h5", *stacked(keras))
    write(name + "_states", ".h5", *given_states(keras))
    write(name + "_leading", ".h5", *masked_from_the_start(keras))


def write_keras2_archive(name, keras, save_format):
    """The zip format of Keras 2.12 to 2.15 and tf_keras."""

    def write_model(case, model, inputs):
        def save(path):
            model.save(path, save_format=save_format)

        write(name + "_" + case, ".keras", model, inputs, save)

    write_model("sequential", sequential(keras), [token_ids()])
    write_model("nested", *nested(keras))
    write_model("bidirectional", *bidirectional(keras))
    write_model("stacked", *stacked(keras))


def write_keras3(name, keras):
    hard = {"recurrent_activation": "hard_sigmoid"}
    write(name + "_sequential", ".keras", sequential(keras, **hard), [token_ids()])
    write(name + "_functional", ".keras", *functional(keras, slash=False))
    write(name + "_nested", ".keras", *nested(keras))
    write(name + "_bidirectional", ".keras", *bidirectional(keras))
    write(name + "_stacked", ".keras", *stacked(keras))
    write(name + "_masked", ".keras", masked_functional(keras), [token_ids()])
    write(name + "_legacy", ".h5", sequential(keras, **hard), [token_ids()])


def write_weights_only(name, keras):
    """Weights beside an architecture in JSON."""
    if sys.argv[2:] and "weights" not in sys.argv[2:]:
        return
    model, inputs = functional(keras, slash=False)
    with open(os.path.join(FOLDER, name + "_weights.json"), "w") as file:
        file.write(model.to_json())
    write(name + "_weights", ".weights.h5", model, inputs, model.save_weights)


def main():
    name = sys.argv[1]
    keras = import_keras(name)
    if name == "keras122":
        write_keras1(keras)
        write_keras1_convolutions(name, keras)
    elif name == "keras122tf":
        write_keras1_convolutions(name, keras)
    elif name == "tf23":
        write("tf23_operations", ".h5", *operations(keras))
    elif name in ("keras224", "tf115", "tf25"):
        write_keras2(name, keras)
        if name == "tf25":
            write("tf25_operations", ".h5", *operations(keras))
        if name == "keras224":
            write_cudnn(keras)
        if name != "tf115":
            write_weights_only(name, keras)
    elif name == "tf212":
        write_keras2_archive(name, keras, "keras_v3")
        # Without save_format, 2.12 wrote HDF5 into a file named .keras.
        write("tf212_hdf5", ".keras", sequential(keras), [token_ids()])
    elif name in ("tf213", "tf215", "tfkeras221"):
        write_keras2_archive(name, keras, "keras")
        if name == "tfkeras221":
            write("tfkeras221_operations", ".keras", *operations(keras))
            write("tfkeras221_states", ".keras", *given_states(keras))
            for suffix in (".h5", ".keras"):
                write("tfkeras221_frozen", suffix, *frozen(keras))
                write("tfkeras221_constants", suffix, *constants(keras))
            write("tfkeras221_preprocessing", ".keras", *preprocessing(keras))
            write("tfkeras221_text", ".h5", *text_legacy(keras))
        write_weights_only(name, keras)
    else:
        write_keras3(name, keras)
        write_weights_only(name, keras)
        if name == "keras315":
            write("keras315_preprocessing", ".keras", *preprocessing(keras))
            write("keras315_text", ".h5", *text_legacy(keras))
            model, inputs = functional(keras, slash=False)

            def save(path):
                model.save_weights(path, max_shard_size=400 / 1024**3)
                for shard in sorted(os.listdir(FOLDER)):
                    if shard.startswith("keras315_shards_0") and shard.endswith(".h5"):
                        pack(os.path.join(FOLDER, shard))

            write("keras315_shards", ".weights.json", model, inputs, save)


if __name__ == "__main__":
    main()
