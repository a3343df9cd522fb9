"""Models with steps of their own and loops of GradientTape, beside Keras on TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras
from test_fit import F, N, T, assert_same_logs, assert_same_weights, bits, draw, ids

import rnnext
from rnnext.autodiff.watchable import OutputArray
from rnnext.errors import UnsupportedError

keras = load_keras()
tensorflow = pytest.importorskip("tensorflow")
# What a program imports as `tf` and `keras`.
THEIRS = SimpleNamespace(tf=tensorflow, keras=keras)
OURS = SimpleNamespace(tf=rnnext, keras=rnnext)

Program = Callable[[Any], Any]


def alike(*models: Any) -> None:
    """Gives a model of Keras and ours, in pairs, the same weights."""
    for theirs, ours in zip(models[::2], models[1::2], strict=True):
        ours.set_weights([w + 0.1 for w in theirs.get_weights()])
        theirs.set_weights(ours.get_weights())


def small(k: Any) -> Any:
    return k.keras.Sequential(
        [k.keras.layers.Input((T, F)), k.keras.layers.LSTM(4), k.keras.layers.Dense(1)]
    )


# Loops ------------------------------------------------------------------------------------------


def mean_squares(k: Any, y: Any, predicted: Any) -> Any:
    return k.tf.reduce_mean(k.tf.square(y - predicted))


def keras_loss(k: Any, y: Any, predicted: Any) -> Any:
    return k.keras.losses.MeanSquaredError()(y, predicted)


def swapped(k: Any, y: Any, predicted: Any) -> Any:
    """As actor-critic programs have it: the predictions are the first argument."""
    return k.keras.losses.Huber()(predicted, y)


def function(k: Any, y: Any, predicted: Any) -> Any:
    return k.tf.reduce_sum(k.keras.losses.mean_absolute_error(y, predicted)) / N


def with_numpy(_k: Any, y: Any, predicted: Any) -> Any:
    return ((y - predicted) ** 2 * 0.5 + abs(predicted))[0, 0] * 3.0


def several(k: Any, y: Any, predicted: Any) -> Any:
    losses = [k.tf.math.log(1.0 + k.tf.exp(-y[i] * predicted[i])) for i in range(4)]
    return sum(losses) + k.tf.nn.softplus(predicted[5])


@pytest.mark.parametrize("loss", [mean_squares, keras_loss, swapped, function, with_numpy, several])
def test_a_loop_of_a_user(loss: Any) -> None:
    x, y = draw(N, T, F), draw(N, 1, seed=3)
    models = [small(k) for k in (THEIRS, OURS)]
    alike(*models)
    courses = []
    for k, model in zip((THEIRS, OURS), models, strict=True):
        optimizer = k.keras.optimizers.Adam(0.01)
        metric, course = k.keras.metrics.MeanAbsoluteError(), []
        for _ in range(3):
            with k.tf.GradientTape() as tape:
                predicted = model(x, training=True)
                value = loss(k, y, predicted)
            gradients = tape.gradient(value, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            metric.update_state(y, predicted)
            course += [float(np.asarray(value).sum()), float(metric.result())]
        courses.append(course)
    np.testing.assert_allclose(courses[1], courses[0], rtol=1e-5)
    assert_same_weights(models[1], models[0])


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "tanh"])
def test_losses_of_the_last_activation(activation: str) -> None:
    """A cross-entropy is computed from what the last activation was given, as far as it goes."""
    x, y = 30 * draw(N, F), bits(N, 3)
    found = []
    for k in (THEIRS, OURS):
        dense = k.keras.layers.Dense(3, activation=activation)
        dense.build((None, F))
        dense.set_weights([draw(F, 3), draw(3)])
        kind = "Categorical" if activation == "softmax" else "Binary"
        entropy = getattr(k.keras.losses, f"{kind}Crossentropy")()
        with k.tf.GradientTape() as tape:
            outputs = dense(x)
            loss = entropy(y, outputs) + 0.1 * k.tf.reduce_sum(outputs * outputs)
        found.append([loss, *tape.gradient(loss, dense.trainable_variables)])
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


VECTOR_LOSSES = [
    *("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "Huber", "LogCosh"),
    *("MeanSquaredLogarithmicError", "BinaryCrossentropy", "Poisson", "KLDivergence", "Hinge"),
    *("SquaredHinge", "CategoricalHinge", "CosineSimilarity", "CategoricalCrossentropy"),
]


@pytest.mark.parametrize("name", VECTOR_LOSSES)
def test_losses_of_vectors(name: str) -> None:
    """One number for each sample, without an axis of features, as in reinforcement learning."""
    y, start = bits(N, 1)[:, 0], np.linspace(0.2, 0.8, N, dtype="float32")
    found = []
    for k in (THEIRS, OURS):
        v = k.tf.Variable(start)
        with k.tf.GradientTape() as tape:
            loss = getattr(k.keras.losses, name)()(y, v * 1.0)
        found.append([np.asarray(loss), np.asarray(tape.gradient(loss, v))])
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-7)


def test_sources() -> None:
    """Constants, variables, intermediate results, dictionaries, what is not connected."""
    found = []
    for tf in (tensorflow, rnnext):
        a, b = tf.constant([1.0, 2.0]), tf.Variable([3.0, 4.0])
        frozen = tf.Variable([1.0, 1.0], trainable=False)
        unused = tf.Variable(1.0)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(a)
            tape.watch(frozen)
            c = a * b * frozen
            loss = tf.reduce_sum(c * c) + b[0]
        sources = {"a": a, "b": [b, frozen], "c": c}
        gradients = tape.gradient(loss, sources)
        found.append(
            [
                np.asarray(g)
                for g in (
                    *(gradients["a"], *gradients["b"], gradients["c"]),
                    tape.gradient(c, b, output_gradients=tf.constant([1.0, 10.0])),
                    tape.gradient([c, loss], b),
                    tape.jacobian(c, b),
                    tape.gradient(loss, unused, unconnected_gradients="zero"),
                )
            ]
        )
        assert tape.gradient(loss, [unused, b])[0] is None
        assert tape.gradient(a * 2, b) is None
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_watch_accessed_variables() -> None:
    v, w = rnnext.Variable(2.0), rnnext.Variable(3.0)
    with rnnext.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(w)
        y = v * w
    assert [v.path for v in tape.watched_variables()] == [w.path]
    assert tape.gradient(y, [v, w])[0] is None
    with rnnext.GradientTape() as tape:
        with tape.stop_recording():
            constant = v * w
        y = constant * w
        tape.reset()
        z = w * w
    assert float(tape.gradient(z, w)) == 6.0
    assert float(np.sqrt(y)) == float(np.sqrt(np.float32(18)))  # outside, it is an array like any
    assert type(np.sqrt(y)) is not type(y)


def test_two_tapes_at_once() -> None:
    """As GAN programs have it: each gives the gradients of its own loss."""
    found = []
    x = draw(N, T, F)
    models = [small(k) for k in (THEIRS, OURS, THEIRS, OURS)]
    alike(*models)
    for k, one, other in ((THEIRS, models[0], models[2]), (OURS, models[1], models[3])):
        with k.tf.GradientTape() as tape, k.tf.GradientTape() as other_tape:
            a = one(x, training=True)
            b = other(x * a[:, :, None], training=True)
            loss, other_loss = k.tf.reduce_mean(a * b), k.tf.reduce_mean(k.tf.square(b))
        found.append(
            [
                *tape.gradient(loss, one.trainable_variables),
                *other_tape.gradient(other_loss, other.trainable_variables),
            ]
        )
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_errors_of_a_tape() -> None:
    v = rnnext.Variable(2.0)
    with rnnext.GradientTape() as tape:
        y = v * v
    assert float(tape.gradient(y, v)) == 4.0
    with pytest.raises(UnsupportedError, match="non-persistent GradientTape can only be used"):
        tape.gradient(y, v)
    with pytest.raises(UnsupportedError, match="nothing is noted yet"):
        rnnext.GradientTape().gradient(y, v)
    with (
        rnnext.GradientTape() as tape,
        pytest.raises(UnsupportedError, match="expected a variable or a tensor, received ndarray"),
    ):
        tape.watch(np.ones(2))
    with pytest.raises(UnsupportedError, match="expected variables and watched tensors as sour"):
        tape.gradient(y, np.ones(2))
    with rnnext.GradientTape() as outer:
        with rnnext.GradientTape() as inner:
            y = v * v
        slope = inner.gradient(y, v)
        z = slope * slope
    with pytest.raises(UnsupportedError, match="gradients of gradients are not there"):
        outer.gradient(z, v)
    with rnnext.GradientTape() as tape, pytest.raises(UnsupportedError, match="opened before"):
        tape.__enter__()


def test_predict_and_plain_calls_around_a_tape() -> None:
    """Inside a tape `predict` gives plain arrays; after it the short ways are open again."""
    model, x = small(OURS), draw(N, T, F)
    expected = model.predict(x)
    with rnnext.GradientTape():
        assert type(model.predict(x)) is np.ndarray
        assert type(model.predict(x, batch_size=4)) is np.ndarray
        traced = model(x)
    np.testing.assert_array_equal(np.asarray(traced), expected)
    assert type(model(x)) is OutputArray
    assert type(model.layers[0](x)) is np.ndarray


# Classes ----------------------------------------------------------------------------------------


def own_train_step(k: Any) -> Any:
    class Own(k.keras.Model):  # type: ignore[name-defined,misc]
        def train_step(self, data: Any) -> Any:
            x, y = data[:2]
            with k.tf.GradientTape() as tape:
                predicted = self(x, training=True)
                loss = self.compute_loss(x=x, y=y, y_pred=predicted)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, predicted)
            return {m.name: m.result() for m in self.metrics}

    return Own


def own_loss_tracker(k: Any) -> Any:
    class Own(k.keras.Model):  # type: ignore[name-defined,misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.loss_tracker = k.keras.metrics.Mean(name="loss")
            self.mae = k.keras.metrics.MeanAbsoluteError(name="mae")

        def train_step(self, data: Any) -> Any:
            x, y = data[:2]
            with k.tf.GradientTape() as tape:
                predicted = self(x, training=True)
                loss = k.tf.reduce_mean(k.keras.losses.mean_squared_error(y, predicted))
            weights = self.trainable_weights
            self.optimizer.apply(tape.gradient(loss, weights), weights)
            self.loss_tracker.update_state(loss)
            self.mae.update_state(y, predicted)
            return {"loss": self.loss_tracker.result(), "mae": self.mae.result()}

        def test_step(self, data: Any) -> Any:
            x, y = data[:2]
            predicted = self(x, training=False)
            self.loss_tracker.update_state(k.tf.reduce_mean(k.tf.abs(predicted - y)))
            return {"loss": self.loss_tracker.result()}

        @property
        def metrics(self) -> Any:
            return [self.loss_tracker, self.mae]

    return Own


def own_compute_loss(k: Any) -> Any:
    class Own(k.keras.Model):  # type: ignore[name-defined,misc]
        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
        ) -> Any:
            loss = super().compute_loss(x, y, y_pred, sample_weight)
            return loss + 0.1 * k.keras.ops.mean(k.keras.ops.abs(y_pred))

    return Own


def own_compute_metrics(k: Any) -> Any:
    class Own(k.keras.Model):  # type: ignore[name-defined,misc]
        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            found = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**found, "size": k.keras.ops.max(y_pred)}

    return Own


@pytest.mark.parametrize(
    "make", [own_train_step, own_loss_tracker, own_compute_loss, own_compute_metrics]
)
@pytest.mark.parametrize("regularizer", [None, "l2"])
def test_functional_models_with_own_methods(make: Any, regularizer: Any) -> None:
    models = []
    for k in (THEIRS, OURS):
        inputs = k.keras.Input((T, F))
        hidden = k.keras.layers.LSTM(4, kernel_regularizer=regularizer)(inputs)
        outputs = k.keras.layers.Dense(1, activity_regularizer=regularizer)(hidden)
        models.append(make(k)(inputs, outputs))
        models[-1].compile("adam", "mse", metrics=["mae"])
    alike(*models)
    x, y = draw(N, T, F), draw(N, 1, seed=3)
    options = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
    theirs, ours = (model.fit(x, y, validation_data=(x, y), **options).history for model in models)
    assert_same_logs(ours, theirs)
    assert_same_weights(models[1], models[0])
    np.testing.assert_allclose(
        models[1].evaluate(x, y, verbose=0), models[0].evaluate(x, y, verbose=0), rtol=1e-5
    )
    np.testing.assert_allclose(
        models[1].train_on_batch(x, y), models[0].train_on_batch(x, y), rtol=1e-5
    )


def autoencoder(k: Any) -> Any:
    """A variational autoencoder, without its noise."""
    layers, ops = k.keras.layers, k.keras.ops

    class Sampling(layers.Layer):  # type: ignore[name-defined,misc]
        def call(self, inputs: Any) -> Any:
            mean, log_var = inputs
            return mean + k.tf.exp(0.5 * log_var) * 0.1

    class Autoencoder(k.keras.Model):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.hidden = layers.Dense(5, activation="relu")
            self.mean, self.log_var = layers.Dense(2), layers.Dense(2)
            self.sampling = Sampling()
            self.decoder = layers.Dense(F, activation="sigmoid")
            self.total = k.keras.metrics.Mean(name="total")
            self.kl = k.keras.metrics.Mean(name="kl")

        @property
        def metrics(self) -> Any:
            return [self.total, self.kl]

        def call(self, inputs: Any) -> Any:
            hidden = self.hidden(inputs)
            mean, log_var = self.mean(hidden), self.log_var(hidden)
            kl = -0.5 * k.tf.reduce_mean(1 + log_var - k.tf.square(mean) - k.tf.exp(log_var))
            self.add_loss(0.5 * kl)
            return self.decoder(self.sampling([mean, log_var])), kl

        def train_step(self, data: Any) -> Any:
            if isinstance(data, tuple):
                data = data[0]
            with k.tf.GradientTape() as tape:
                decoded, kl = self(data)
                entropy = k.keras.losses.binary_crossentropy(data, decoded)
                loss = k.tf.reduce_mean(k.tf.reduce_sum(entropy, axis=-1)) + sum(self.losses)
            gradients = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
            self.total.update_state(loss)
            self.kl.update_state(kl)
            return {"loss": self.total.result(), "kl_loss": self.kl.result()}

    _ = ops
    return Autoencoder()


def test_a_variational_autoencoder() -> None:
    x = bits(N, F)
    models = [autoencoder(k) for k in (THEIRS, OURS)]
    for model in models:
        model(x)
        model.compile(optimizer="adam")
    alike(*models)
    theirs, ours = (m.fit(x, epochs=3, batch_size=5, shuffle=False, verbose=0) for m in models)
    assert_same_logs(ours.history, theirs.history)
    assert_same_weights(models[1], models[0])


def sequence_autoencoder(k: Any, step: str) -> Any:
    """Its `call` leaves arrays in attributes, which its loss is computed from."""
    layers, tf = k.keras.layers, k.tf

    class Encoder(layers.Layer):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.read, self.code = layers.GRU(4), layers.Dense(3)

        def call(self, inputs: Any) -> Any:
            self.last = self.read(inputs)
            return self.code(self.last)

    class Autoencoder(k.keras.Model):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.repeat = Encoder(), layers.RepeatVector(T)
            self.decoder = layers.LSTM(F, return_sequences=True)

        def call(self, inputs: Any) -> Any:
            self.kept = self.encoder(inputs)
            return self.decoder(self.repeat(self.kept))

        def penalty(self) -> Any:
            return tf.reduce_mean(tf.square(self.kept)) + tf.reduce_mean(self.encoder.last)

    def train_step(self: Any, data: Any) -> Any:
        x = data[0]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x, training=True) - x)) + self.penalty()
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"total": loss}

    def compute_loss(
        self: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: Any = True
    ) -> Any:
        _ = x, sample_weight, training
        return tf.reduce_mean(tf.square(y - y_pred)) + self.penalty()

    setattr(Autoencoder, step, {"train_step": train_step, "compute_loss": compute_loss}[step])
    return Autoencoder()


@pytest.mark.parametrize("step", ["train_step", "compute_loss"])
def test_arrays_that_call_leaves_in_attributes_have_gradients(step: str) -> None:
    x = draw(N, T, F)
    models = [sequence_autoencoder(k, step) for k in (THEIRS, OURS)]
    for model in models:
        model(x)
        model.compile(optimizer="adam")
    alike(*models)
    theirs, ours = (m.fit(x, x, epochs=3, batch_size=5, shuffle=False, verbose=0) for m in models)
    assert_same_logs(ours.history, theirs.history)
    assert_same_weights(models[1], models[0])


def gan(k: Any) -> Any:
    layers, tf = k.keras.layers, k.tf

    class GAN(k.keras.Model):  # type: ignore[name-defined,misc]
        def __init__(self, discriminator: Any, generator: Any) -> None:
            super().__init__()
            self.discriminator, self.generator = discriminator, generator
            self.d_loss_tracker = k.keras.metrics.Mean(name="d_loss")
            self.g_loss_tracker = k.keras.metrics.Mean(name="g_loss")

        def compile(self, d_optimizer: Any, g_optimizer: Any, loss_fn: Any) -> None:
            super().compile()
            self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
            self.loss_fn = loss_fn

        @property
        def metrics(self) -> Any:
            return [self.d_loss_tracker, self.g_loss_tracker]

        def train_step(self, real: Any) -> Any:
            batch = tf.shape(real)[0]
            latent = tf.ones((batch, 2)) * 0.5
            both = tf.concat([self.generator(latent), real], axis=0)
            labels = tf.concat([tf.ones((batch, 1)), tf.zeros((batch, 1))], axis=0)
            with tf.GradientTape() as tape:
                d_loss = self.loss_fn(labels, self.discriminator(both))
            weights = self.discriminator.trainable_weights
            grads = tape.gradient(d_loss, weights)
            self.d_optimizer.apply_gradients(zip(grads, weights, strict=True))
            with tf.GradientTape() as tape:
                judged = self.discriminator(self.generator(latent))
                g_loss = self.loss_fn(tf.zeros((batch, 1)), judged)
            weights = self.generator.trainable_weights
            grads = tape.gradient(g_loss, weights)
            self.g_optimizer.apply_gradients(zip(grads, weights, strict=True))
            self.d_loss_tracker.update_state(d_loss)
            self.g_loss_tracker.update_state(g_loss)
            return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}

    discriminator = k.keras.Sequential(
        [layers.Input((T, F)), layers.GRU(3), layers.LeakyReLU(), layers.Dense(1)]
    )
    generator = k.keras.Sequential(
        [layers.Input((2,)), layers.RepeatVector(T), layers.LSTM(F, return_sequences=True)]
    )
    model = GAN(discriminator, generator)
    model.compile(
        d_optimizer=k.keras.optimizers.Adam(0.01),
        g_optimizer=k.keras.optimizers.Adam(0.02),
        loss_fn=k.keras.losses.BinaryCrossentropy(from_logits=True),
    )
    return model


def test_a_gan() -> None:
    models = [gan(k) for k in (THEIRS, OURS)]
    alike(models[0].discriminator, models[1].discriminator)
    alike(models[0].generator, models[1].generator)
    x = draw(N, T, F)
    theirs, ours = (m.fit(x, epochs=2, batch_size=5, shuffle=False, verbose=0) for m in models)
    assert_same_logs(ours.history, theirs.history)
    for part in ("discriminator", "generator"):
        assert_same_weights(getattr(models[1], part), getattr(models[0], part))


def test_own_predict_step() -> None:
    found = []
    for k in (THEIRS, OURS):

        class Own(k.keras.Sequential):  # type: ignore[name-defined,misc]
            def predict_step(self, data: Any, k: Any = k) -> Any:
                return k.keras.ops.round(super().predict_step(data))

        model = Own([k.keras.layers.Input((F,)), k.keras.layers.Dense(2)])
        model.set_weights([4 * draw(F, 2), draw(2)])
        found.append(model.predict(draw(40, F), verbose=0))
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)


def test_embeddings_keep_rows_apart() -> None:
    """Adam squares each look-up's gradient before it adds them up, in a loop of a user's, too."""
    models = []
    for k in (THEIRS, OURS):
        layers = k.keras.layers
        models.append(
            k.keras.Sequential([layers.Input((T,)), layers.Embedding(7, 3), layers.LSTM(2)])
        )
    alike(*models)
    x = ids(N, T)
    for k, model in zip((THEIRS, OURS), models, strict=True):
        optimizer = k.keras.optimizers.Adam(0.05)
        for _ in range(3):
            with k.tf.GradientTape() as tape:
                loss = k.tf.reduce_sum(model(x, training=True))
            weights = model.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
    assert_same_weights(models[1], models[0])


def test_a_user_metric() -> None:
    found = []
    for k in (THEIRS, OURS):

        class Positives(k.keras.metrics.Metric):  # type: ignore[name-defined,misc]
            def __init__(self, name: str = "positives", **kwargs: Any) -> None:
                super().__init__(name=name, **kwargs)
                self.count = self.add_weight(name="count", initializer="zeros")

            def update_state(
                self, y_true: Any, y_pred: Any, sample_weight: Any = None, k: Any = k
            ) -> None:
                above = k.keras.ops.cast(y_pred > 0, "float32") * y_true
                if sample_weight is not None:
                    above = above * sample_weight
                self.count.assign_add(k.keras.ops.sum(above))

            def result(self) -> Any:
                return self.count

            def reset_state(self) -> None:
                self.count.assign(0.0)

        model = k.keras.Sequential([k.keras.layers.Input((F,)), k.keras.layers.Dense(1)])
        model.set_weights([draw(F, 1), draw(1)])
        model.compile("adam", "mse", metrics=[Positives()])
        history = model.fit(draw(N, F), bits(N, 1), epochs=2, shuffle=False, verbose=0).history
        found.append(history)
    assert_same_logs(found[1], found[0])
