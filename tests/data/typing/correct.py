"""Programs without a mistake: type checkers find none. They are never run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import rnnext
import rnnext as tf
from rnnext import demo, keras
from rnnext.keras.layers import LSTM
from rnnext.keras.models import Sequential as KerasSequential
from rnnext.layers import (
    GRU,
    RNN,
    Bidirectional,
    Concatenate,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Input,
    InputLayer,
    Layer,
    LeakyReLU,
    LSTMCell,
    MaxPooling1D,
    SimpleRNN,
    TimeDistributed,
)
from rnnext.losses import MeanSquaredError, mean_squared_error
from rnnext.models import Model, Sequential, load_model, model_from_json
from rnnext.optimizers import Adam
from rnnext.preprocessing.sequence import pad_sequences
from rnnext.preprocessing.text import Tokenizer
from rnnext.utils import to_categorical

# The README's.
model = rnnext.load_model(demo.MODEL_FILE)
model.summary()
years, sunspots = demo.series()
x, forecast_years = demo.windows(years, sunspots)
forecast = demo.from_network(model.predict(x))
print(forecast_years[-1], "observed", sunspots[-1], "forecast", forecast[-1, 0].round(1))
stream = model.stream()
for year in range(33):
    y = stream.step(x[:1, year])
    print((y == model.predict(x[:1])).all(), stream.state.keys())

# A usual program of Keras.
text_model = Sequential(name="text")
text_model.add(Embedding(1000, 16, mask_zero=True, input_length=20))
text_model.add(Bidirectional(LSTM(8, return_sequences=True, dropout=0.1), merge_mode="concat"))
text_model.add(Conv1D(8, 3, padding="same", activation="relu", input_shape=(20, 16)))
text_model.add(MaxPooling1D(2, name="pool"))
text_model.add(GRU(8, activation=tf.nn.tanh, kernel_initializer="he_normal"))
text_model.add(Dropout(0.5))
text_model.add(Dense(2, activation="softmax", kernel_regularizer=keras.regularizers.L2(0.1)))
text_model.compile(optimizer=Adam(0.001), loss="mse", metrics=["accuracy"])
tokenizer = Tokenizer(num_words=1000)
tokenizer.fit_on_texts(["a b", "c"])
ids = pad_sequences(tokenizer.texts_to_sequences(["a b c"]), maxlen=20)
past = text_model.fit(ids, ids, epochs=2, validation_split=0.5, verbose=0)
print(past.history["val_loss"][-1], text_model.evaluate(ids, ids, return_dict=True)["loss"])
probabilities = text_model.predict(ids, batch_size=32, verbose=0)
best: int = int(probabilities.argmax(axis=-1)[0])
classes = to_categorical([0, 1], num_classes=2)
print(mean_squared_error(classes, probabilities).mean(), MeanSquaredError()(classes, classes))

# First layers that state their input's shape, activations and sizes of all kinds.
stack = tf.keras.Sequential(
    [
        LSTM(np.asarray(x).shape[-1], input_shape=x.shape[1:], name="first"),
        tf.keras.layers.Dense(1, activation=LeakyReLU(0.1), dtype="float64", trainable=False),
        tf.keras.layers.Dense(1, input_dim=8, activation=None, bias_initializer=np.zeros(1)),
        keras.layers.Dense(1, activation=lambda value: value * 2),
    ]
)
KerasSequential([InputLayer(shape=(3,), batch_size=2), SimpleRNN(4, unroll=True)]).build()
RNN([LSTMCell(3), LSTMCell(4)], return_state=True, dtype="float32")

# Functional models with several inputs and outputs.
first, second = Input(shape=(None, 3)), Input((None, 3), name="second", dtype="float32")
sequences, h, c = LSTM(4, return_sequences=True, return_state=True)(first)
merged = Concatenate()([sequences, GRU(4, return_sequences=True)(second, initial_state=h)])
branches = Model(inputs=[first, second], outputs=[TimeDistributed(Dense(2))(merged), c])
one, other = branches.predict([x, x])
print(one.shape, other.shape, branches.predict([x, x])[0].shape, branches(x, training=False))
named = Model({"first": first}, {"out": sequences}, name="named").predict({"first": x})["out"]
print(named.shape)

# What models and layers say about themselves.
weights: list[NDArray[Any]] = branches.get_weights()
layer: Layer = branches.get_layer("lstm")
layer.set_weights([array * 2 for array in layer.get_weights()])
copied: Sequential = Sequential.from_config(text_model.get_config())
restored: Model = model_from_json(copied.to_json())
again: Model = load_model("model.keras", custom_objects={"Scale": Layer}, compile=False)
again.save("copy.keras")
print(again.layers[0].name, restored.input_shape, again.count_params())
rnnext.set_num_threads(2)
tf.random.set_seed(1)


class Scale(Layer):
    """A layer of the user's, as in Keras's guides."""

    def __init__(self, factor: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: NDArray[Any]) -> NDArray[Any]:
        return inputs * self.factor


class Stacked(Model):
    """A model of the user's."""

    def __init__(self, units: int) -> None:
        super().__init__(name="stacked")
        self.lstm = LSTM(units)
        self.scale = Scale(3.0, name="scale")

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.scale(self.lstm(inputs, training=training))


print(Stacked(4)(x), Stacked(4).predict(x).shape)
