"""Small programs with GradientTape and layers of users, as people write them, beside TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_own_steps import OURS, THEIRS

Program = Callable[[Any, Any, Any], Any]  # tf, layers, start
PROGRAMS: list[Program] = []
N, T, F, V = 6, 5, 3, 9  # samples, steps, features, words


def program(function: Program) -> Program:
    PROGRAMS.append(function)
    return function


def draw(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype("float32")


def words(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).integers(1, V, shape)


def start(*owners: Any) -> None:
    """Gives layers or models the same weights in both libraries."""
    for owner in owners:
        owner.set_weights(
            [
                np.ones(w.shape, "float32")
                if "variance" in w.path
                else 0.5 * draw(*w.shape, seed=i)
                for i, w in enumerate(owner.weights)
            ]
        )


def descend(tf: Any, optimizer: Any, loss_of: Callable[[], Any], weights: Callable[[], Any]) -> Any:
    """The losses of three steps."""
    course = []
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = loss_of()
        found = weights()
        optimizer.apply_gradients(zip(tape.gradient(loss, found), found, strict=True))
        course.append(float(loss))
    return course


@program
def additive_attention(tf: Any, layers: Any, start: Any) -> Any:
    """Bahdanau's, of scores over the steps of an LSTM."""

    class Attention(layers.Layer):  # type: ignore[misc]
        def __init__(self, units: int) -> None:
            super().__init__()
            self.query, self.keys, self.score = (layers.Dense(n) for n in (units, units, 1))

        def call(self, state: Any, sequence: Any) -> Any:
            hidden = tf.nn.tanh(self.query(tf.expand_dims(state, 1)) + self.keys(sequence))
            weights = tf.nn.softmax(self.score(hidden), axis=1)
            return tf.reduce_sum(weights * sequence, axis=1), weights

    lstm = layers.LSTM(4, return_sequences=True, return_state=True)
    attention, head = Attention(3), layers.Dense(1)
    x, y = draw(N, T, F), draw(N, 1, seed=1)

    def predict() -> Any:
        sequence, h, _c = lstm(x)
        context, _weights = attention(h, sequence)
        return head(tf.concat([context, h], axis=-1))

    predict()
    start(lstm, attention, head)
    return descend(
        tf,
        tf.keras.optimizers.Adam(0.05),
        lambda: tf.reduce_mean(tf.square(y - predict())),
        lambda: [w for part in (lstm, attention, head) for w in part.trainable_variables],
    )


@program
def attention_with_weights_of_its_own(tf: Any, layers: Any, start: Any) -> Any:
    """Written with add_weight, tensordot and backend functions, in a functional model."""

    class Attention(layers.Layer):  # type: ignore[misc]
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(name="w", shape=(input_shape[-1], 1), initializer="normal")
            self.b = self.add_weight(name="b", shape=(input_shape[1], 1), initializer="zeros")

        def call(self, x: Any) -> Any:
            e = tf.tanh(tf.tensordot(x, self.w, axes=1) + self.b)
            a = tf.nn.softmax(tf.squeeze(e, -1), axis=-1)
            return tf.reduce_sum(x * tf.expand_dims(a, -1), axis=1)

    inputs = layers.Input((T, F))
    h = Attention()(layers.Bidirectional(layers.GRU(3, return_sequences=True))(inputs))
    model = tf.keras.Model(inputs, layers.Dense(1, activation="sigmoid")(h))
    start(model)
    x, y = draw(N, T, F), (draw(N, 1, seed=1) > 0).astype("float32")
    entropy = tf.keras.losses.BinaryCrossentropy()
    return descend(
        tf,
        tf.keras.optimizers.RMSprop(0.05),
        lambda: entropy(y, model(x, training=True)),
        lambda: model.trainable_variables,
    )


def seq2seq_parts(tf: Any, layers: Any) -> Any:
    class Encoder(tf.keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = layers.Embedding(V, 4)
            self.gru = layers.GRU(5, return_sequences=True, return_state=True)

        def call(self, x: Any, hidden: Any) -> Any:
            return self.gru(self.embedding(x), initial_state=hidden)

    class Decoder(tf.keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = layers.Embedding(V, 4)
            self.gru = layers.GRU(5, return_sequences=True, return_state=True)
            self.w1, self.w2, self.v = layers.Dense(4), layers.Dense(4), layers.Dense(1)
            self.out = layers.Dense(V)

        def call(self, x: Any, hidden: Any, encoded: Any) -> Any:
            score = self.v(tf.nn.tanh(self.w1(encoded) + self.w2(hidden[:, None])))
            context = tf.reduce_sum(tf.nn.softmax(score, axis=1) * encoded, axis=1)
            x = tf.concat([tf.expand_dims(context, 1), self.embedding(x)], axis=-1)
            output, state = self.gru(x, initial_state=hidden)
            output = tf.reshape(output, (-1, output.shape[2]))
            return self.out(output), state

    return Encoder(), Decoder()


@program
def teacher_forcing(tf: Any, layers: Any, start: Any) -> Any:
    """Encoder and decoder with attention, one word at a time, a loss with a mask."""
    encoder, decoder = seq2seq_parts(tf, layers)
    source, target = words(N, T), words(N, 4, seed=1)
    target[:3, 3] = 0
    entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")

    def masked(real: Any, predicted: Any) -> Any:
        mask = tf.math.logical_not(tf.math.equal(real, 0))
        loss = entropy(real, predicted)
        return tf.reduce_mean(loss * tf.cast(mask, dtype=loss.dtype))

    def loss_of() -> Any:
        loss = 0.0
        encoded, hidden = encoder(source, tf.zeros((N, 5)))
        word = tf.expand_dims(tf.constant([1] * N), 1)
        for t in range(1, target.shape[1]):
            predicted, hidden = decoder(word, hidden, encoded)
            loss += masked(target[:, t], predicted)
            word = tf.expand_dims(target[:, t], 1)
        return loss / int(target.shape[1])

    loss_of()
    start(encoder, decoder)
    return descend(
        tf,
        tf.keras.optimizers.Adam(0.02),
        loss_of,
        lambda: encoder.trainable_variables + decoder.trainable_variables,
    )


@program
def a_decoder_over_cells(tf: Any, layers: Any, start: Any) -> Any:
    """`layer.cell(x, states)` step by step, feeding back what was predicted."""

    class FeedBack(tf.keras.Model):  # type: ignore[misc]
        def __init__(self, units: int, steps: int) -> None:
            super().__init__()
            self.steps = steps
            self.cell = layers.LSTMCell(units)
            self.rnn = layers.RNN(self.cell, return_state=True)
            self.dense = layers.Dense(F)

        def warmup(self, inputs: Any) -> Any:
            x, *state = self.rnn(inputs)
            return self.dense(x), state

        def call(self, inputs: Any, training: Any = None) -> Any:
            predictions = []
            prediction, state = self.warmup(inputs)
            predictions.append(prediction)
            for _ in range(1, self.steps):
                x, state = self.cell(prediction, states=state, training=training)
                prediction = self.dense(x)
                predictions.append(prediction)
            return tf.transpose(tf.stack(predictions), [1, 0, 2])

    model = FeedBack(4, 3)
    x, y = draw(N, T, F), draw(N, 3, F, seed=1)
    model(x)
    start(model)
    huber = tf.keras.losses.Huber()
    return descend(
        tf,
        tf.keras.optimizers.Adam(0.02),
        lambda: huber(y, model(x, training=True)),
        lambda: model.trainable_variables,
    )


@program
def the_cell_of_a_layer(tf: Any, layers: Any, start: Any) -> Any:
    """A loop over `layer.cell` of LSTM and GRU in a layer, which keeps the best step."""

    class Loop(layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.gru = layers.LSTM(3), layers.GRU(3)

        def build(self, input_shape: Any) -> None:
            self.lstm.build(input_shape)
            self.gru.build(input_shape)

        def call(self, x: Any) -> Any:
            states = [tf.zeros((tf.shape(x)[0], 3)), tf.zeros((tf.shape(x)[0], 3))]
            state, best = [tf.zeros((tf.shape(x)[0], 3))], -10.0
            for t in range(x.shape[1]):
                h, states = self.lstm.cell(x[:, t, :], states)
                g, state = self.gru.cell(x[:, t, :], state)
                best = tf.maximum(best, h * g)
            return best

    loop, dense = Loop(), layers.Dense(1)
    x, y = draw(N, T, F), draw(N, 1, seed=1)
    dense(loop(x))
    start(loop, dense)
    return descend(
        tf,
        tf.keras.optimizers.SGD(0.2, momentum=0.9),
        lambda: tf.reduce_mean(tf.abs(y - dense(loop(x)))),
        lambda: loop.trainable_weights + dense.trainable_weights,
    )


@program
def a_variational_autoencoder(tf: Any, layers: Any, start: Any) -> Any:
    """Of sequences, with a Sampling layer and two penalties."""
    noise = draw(1, 2, seed=5)

    class Sampling(layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            mean, log_var = inputs
            return mean + tf.exp(0.5 * log_var) * tf.constant(noise)

    inputs = layers.Input((T, F))
    h = layers.LSTM(4)(inputs)
    mean, log_var = layers.Dense(2, name="m")(h), layers.Dense(2, name="v")(h)
    encoder = tf.keras.Model(inputs, [mean, log_var, Sampling()([mean, log_var])])
    latent = layers.Input((2,))
    h = layers.LSTM(4, return_sequences=True)(layers.RepeatVector(T)(latent))
    decoder = tf.keras.Model(latent, layers.TimeDistributed(layers.Dense(F))(h))
    start(encoder, decoder)
    x = draw(N, T, F)

    def loss_of() -> Any:
        mean, log_var, z = encoder(x)
        difference = tf.math.squared_difference(x, decoder(z))
        rebuilt = tf.reduce_mean(tf.reduce_sum(difference, axis=(1, 2)))
        kl = -0.5 * (1 + log_var - tf.square(mean) - tf.exp(log_var))
        return rebuilt + tf.reduce_mean(tf.reduce_sum(kl, axis=1))

    return descend(
        tf,
        tf.keras.optimizers.Adam(0.01),
        loss_of,
        lambda: encoder.trainable_weights + decoder.trainable_weights,
    )


@program
def a_gan_with_two_tapes(tf: Any, layers: Any, start: Any) -> Any:
    generator = tf.keras.Sequential(
        [
            layers.Input((2,)),
            layers.Dense(T * F),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((T, F)),
            layers.Conv1D(F, 3, padding="same", activation="tanh"),
        ]
    )
    discriminator = tf.keras.Sequential(
        [layers.Input((T, F)), layers.Conv1D(4, 2), layers.LeakyReLU(), layers.LSTM(3)]
    )
    discriminator.add(layers.Dense(1))
    start(generator, discriminator)
    entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    optimizers = [tf.keras.optimizers.Adam(0.01) for _ in range(2)]
    real, noise, course = draw(N, T, F), draw(N, 2, seed=1), []
    for _ in range(3):
        with tf.GradientTape() as of_generator, tf.GradientTape() as of_discriminator:
            fake = generator(noise, training=True)
            on_real, on_fake = (discriminator(each, training=True) for each in (real, fake))
            generator_loss = entropy(tf.ones_like(on_fake), on_fake)
            discriminator_loss = entropy(tf.ones_like(on_real), on_real) + entropy(
                tf.zeros_like(on_fake), on_fake
            )
        for tape, loss, model, optimizer in (
            (of_generator, generator_loss, generator, optimizers[0]),
            (of_discriminator, discriminator_loss, discriminator, optimizers[1]),
        ):
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            course.append(float(loss))
    return course


@program
def actor_and_critic(tf: Any, layers: Any, start: Any) -> Any:
    """One model with two heads; log probabilities, an advantage and an entropy."""
    inputs = layers.Input((T, F))
    common = layers.GRU(4)(inputs)
    action = layers.Dense(2, activation="softmax")(common)
    model = tf.keras.Model(inputs, [action, layers.Dense(1)(common)])
    start(model)
    huber = tf.keras.losses.Huber(reduction="sum")
    optimizer, course = tf.keras.optimizers.Adam(learning_rate=0.01), []
    for episode in range(3):
        states = draw(4, T, F, seed=episode)
        returns = [1.0, 0.3, -0.5, 0.9]
        with tf.GradientTape() as tape:
            log_probs, values, entropies = [], [], []
            for t in range(4):
                state = tf.expand_dims(tf.convert_to_tensor(states[t]), 0)
                probabilities, value = model(state)
                log_probs.append(tf.math.log(probabilities[0, t % 2]))
                entropies.append(-tf.reduce_sum(probabilities * tf.math.log(probabilities + 1e-10)))
                values.append(value[0, 0])
            actor_losses, critic_losses = [], []
            for log_prob, value, target in zip(log_probs, values, returns, strict=True):
                actor_losses.append(-log_prob * (target - tf.stop_gradient(value)))
                critic_losses.append(huber(tf.expand_dims(value, 0), tf.expand_dims(target, 0)))
            loss = sum(actor_losses) + sum(critic_losses) - 0.01 * sum(entropies)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        course.append(float(loss))
    return course


@program
def policy_gradient_with_one_hot(tf: Any, layers: Any, start: Any) -> Any:
    model = tf.keras.Sequential([layers.Input((T, F)), layers.SimpleRNN(4), layers.Dense(3)])
    start(model)
    x, actions, rewards = draw(N, T, F), words(N) % 3, draw(N, seed=2)

    def loss_of() -> Any:
        chosen = tf.one_hot(actions, 3)
        log_probs = tf.reduce_sum(chosen * tf.nn.log_softmax(model(x)), axis=1)
        ratio = tf.exp(log_probs - tf.stop_gradient(log_probs))
        clipped = tf.clip_by_value(ratio, 0.8, 1.2)
        surrogate = tf.minimum(ratio * rewards, clipped * rewards)
        return -tf.reduce_mean(surrogate) + 0.1 * tf.reduce_mean(log_probs)

    clip = tf.keras.optimizers.Adam(0.05, clipnorm=0.5)
    return descend(tf, clip, loss_of, lambda: model.trainable_variables)


@program
def q_learning(tf: Any, layers: Any, start: Any) -> Any:
    """Two networks, one of which follows the other."""
    model, target = (
        tf.keras.Sequential([layers.Input((T, F)), layers.LSTM(4), layers.Dense(2)])
        for _ in range(2)
    )
    start(model, target)
    optimizer, huber, course = tf.keras.optimizers.Adam(0.02), tf.keras.losses.Huber(), []
    for step in range(3):
        states, following = draw(N, T, F, seed=step), draw(N, T, F, seed=9 + step)
        future = tf.reduce_max(target(following), axis=1)
        wanted = draw(N, seed=step) + 0.9 * future
        masks = tf.one_hot(words(N) % 2, 2)
        with tf.GradientTape() as tape:
            chosen = tf.reduce_sum(tf.multiply(model(states), masks), axis=1)
            loss = huber(wanted, chosen)
        gradients, _norm = tf.clip_by_global_norm(
            tape.gradient(loss, model.trainable_variables), 0.7
        )
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        for a, b in zip(target.weights, model.weights, strict=True):
            a.assign(0.5 * a + 0.5 * b)
        course.append(float(loss))
    return course


@program
def siamese_with_contrastive_loss(tf: Any, layers: Any, start: Any) -> Any:
    inputs = layers.Input((T,))
    h = layers.LSTM(4)(layers.Embedding(V, 3, mask_zero=True)(inputs))
    tower = tf.keras.Model(inputs, layers.Dense(3)(h))

    class Distance(layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            a, b = inputs
            squares = tf.reduce_sum(tf.square(a - b), axis=1, keepdims=True)
            return tf.sqrt(tf.maximum(squares, 1e-7))

    left, right = layers.Input((T,)), layers.Input((T,))
    model = tf.keras.Model([left, right], Distance()([tower(left), tower(right)]))
    start(tower)
    a, b = words(N, T), words(N, T, seed=1)
    a[:, 3:], b[2:, 4:] = 0, 0
    same = (draw(N, 1) > 0).astype("float32")

    def loss_of() -> Any:
        distance = model([a, b], training=True)
        far = tf.square(tf.maximum(1.0 - distance, 0.0))
        return tf.math.reduce_mean(same * tf.square(distance) + (1 - same) * far)

    return descend(tf, tf.keras.optimizers.Adam(0.02), loss_of, lambda: model.trainable_weights)


@program
def triplets(tf: Any, layers: Any, start: Any) -> Any:
    """A Model subclass with a train_step around a network, trained by fit."""
    network = tf.keras.Sequential(
        [layers.Input((T, F)), layers.GRU(4), layers.BatchNormalization(), layers.Dense(3)]
    )
    start(network)

    class Siamese(tf.keras.Model):  # type: ignore[misc]
        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network, self.tracker = network, tf.keras.metrics.Mean(name="loss")

        def call(self, inputs: Any) -> Any:
            return self.network(inputs)

        def loss_of(self, data: Any) -> Any:
            anchor, near, far = (tf.nn.l2_normalize(self.network(x), axis=-1) for x in data)
            ap = tf.reduce_sum(tf.square(anchor - near), -1)
            an = tf.reduce_sum(tf.square(anchor - far), -1)
            return tf.maximum(ap - an + 0.5, 0.0)

        def train_step(self, data: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = self.loss_of(data[0])
            gradients = tape.gradient(loss, self.network.trainable_weights)
            pairs = zip(gradients, self.network.trainable_weights, strict=True)
            self.optimizer.apply_gradients(pairs)
            self.tracker.update_state(loss)
            return {"loss": self.tracker.result()}

        @property
        def metrics(self) -> Any:
            return [self.tracker]

    model = Siamese(network)
    model.compile(optimizer=tf.keras.optimizers.Adam(0.02))
    data = tuple(draw(N, T, F, seed=i) for i in range(3))
    dataset = tf.data.Dataset.from_tensor_slices((data,)).batch(N)
    return model.fit(dataset, epochs=3, shuffle=False, verbose=0).history["loss"]


@program
def a_transformer_block(tf: Any, layers: Any, start: Any) -> Any:
    """Token and position embeddings, attention with a causal mask, two norms, a feed-forward."""

    class Tokens(layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.token, self.position = layers.Embedding(V, 4), layers.Embedding(T, 4)

        def call(self, x: Any) -> Any:
            positions = tf.range(start=0, limit=tf.shape(x)[-1], delta=1)
            return self.token(x) + self.position(positions)

    class Block(layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.attention = layers.MultiHeadAttention(num_heads=2, key_dim=3)
            self.feed = tf.keras.Sequential([layers.Dense(6, activation="relu"), layers.Dense(4)])
            self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
            self.dropout = layers.Dropout(0.0)

        def call(self, x: Any, training: Any = False) -> Any:
            steps = tf.shape(x)[1]
            i, j = tf.range(steps)[:, tf.newaxis], tf.range(steps)
            mask = tf.cast(i >= j, dtype="int32")[tf.newaxis]
            y = self.attention(x, x, attention_mask=mask)
            y = self.norms[0](x + self.dropout(y, training=training))
            return self.norms[1](y + self.dropout(self.feed(y), training=training))

    tokens, block, head = Tokens(), Block(), layers.Dense(V)
    x, y = words(N, T), words(N, T, seed=1)
    head(block(tokens(x)))
    start(tokens, block, head)
    entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return descend(
        tf,
        tf.keras.optimizers.Adam(0.02),
        lambda: entropy(y, head(block(tokens(x), training=True))),
        lambda: [w for part in (tokens, block, head) for w in part.trainable_weights],
    )


@program
def scaled_dot_product_by_hand(tf: Any, layers: Any, start: Any) -> Any:
    class SelfAttention(layers.Layer):  # type: ignore[misc]
        def __init__(self, d_model: int, heads: int) -> None:
            super().__init__()
            self.heads, self.depth = heads, d_model // heads
            self.wq, self.wk, self.wv = (layers.Dense(d_model) for _ in range(3))
            self.dense = layers.Dense(d_model)

        def split(self, x: Any, batch: Any) -> Any:
            x = tf.reshape(x, (batch, -1, self.heads, self.depth))
            return tf.transpose(x, perm=[0, 2, 1, 3])

        def call(self, x: Any) -> Any:
            batch = tf.shape(x)[0]
            q, k, v = (self.split(w(x), batch) for w in (self.wq, self.wk, self.wv))
            scores = tf.matmul(q, k, transpose_b=True)
            scores = scores / tf.math.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
            upper = 1 - tf.linalg.band_part(tf.ones((x.shape[1], x.shape[1])), -1, 0)
            weights = tf.nn.softmax(scores + upper * -1e9, axis=-1)
            out = tf.transpose(tf.matmul(weights, v), perm=[0, 2, 1, 3])
            return self.dense(tf.reshape(out, (batch, -1, self.heads * self.depth)))

    attention, lstm = SelfAttention(4, 2), layers.LSTM(2)
    x, y = draw(N, T, F), draw(N, 2, seed=1)
    lstm(attention(x))
    start(attention, lstm)
    return descend(
        tf,
        tf.keras.optimizers.Adam(0.03),
        lambda: tf.keras.losses.MeanSquaredError()(y, lstm(attention(x))),
        lambda: attention.trainable_variables + lstm.trainable_variables,
    )


@program
def layers_of_layers(tf: Any, layers: Any, start: Any) -> Any:
    """Residual blocks in lists, gates, add_loss, BatchNormalization and Conv1D in a layer."""

    class Residual(layers.Layer):  # type: ignore[misc]
        def __init__(self, filters: int) -> None:
            super().__init__()
            self.convs = [layers.Conv1D(filters, 3, padding="causal") for _ in range(2)]
            self.gate = layers.Dense(filters, activation="sigmoid")
            self.norm = layers.BatchNormalization(momentum=0.5)

        def call(self, x: Any, training: Any = None) -> Any:
            y = x
            for conv in self.convs:
                y = tf.nn.relu(conv(y))
            y = self.norm(y, training=training) * self.gate(x)
            self.add_loss(0.1 * tf.reduce_mean(tf.square(y)))
            return x + y

    class Net(tf.keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [Residual(F) for _ in range(2)]
            self.head = layers.Dense(1, kernel_regularizer="l2")

        def call(self, x: Any, training: Any = False) -> Any:
            for block in self.blocks:
                x = block(x, training=training)
            return self.head(tf.reduce_max(x, axis=1))

    net = Net()
    x, y = draw(N, T, F), draw(N, 1, seed=1)
    net(x)
    start(net)
    course = descend(
        tf,
        tf.keras.optimizers.Adam(0.02),
        lambda: tf.reduce_mean(tf.square(y - net(x, training=True))) + tf.add_n(net.losses),
        lambda: net.trainable_variables,
    )
    return [*course, *np.ravel(net(x))]


@program
def accumulated_gradients(tf: Any, layers: Any, start: Any) -> Any:
    """Micro-batches, `assign_add` to variables, clipping, then one step."""
    model = tf.keras.Sequential([layers.Input((T, F)), layers.LSTM(4), layers.Dense(1)])
    start(model)
    weights = model.trainable_variables
    sums = [tf.Variable(tf.zeros_like(w), trainable=False) for w in weights]
    optimizer, course = tf.keras.optimizers.Adam(0.02), []
    x, y = draw(N, T, F), draw(N, 1, seed=1)
    for _ in range(3):
        for i in range(0, N, 2):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(model(x[i : i + 2]) - y[i : i + 2]))
            for total, gradient in zip(sums, tape.gradient(loss, weights), strict=True):
                total.assign_add(gradient / 3)
            course.append(float(loss))
        clipped = [tf.clip_by_norm(total, 1.0) for total in sums]
        optimizer.apply_gradients(zip(clipped, weights, strict=True))
        for total in sums:
            total.assign(tf.zeros_like(total))
    return course


@program
def the_gradient_of_the_input(tf: Any, layers: Any, start: Any) -> Any:
    """An adversarial step (FGSM), then a loss of both."""
    model = tf.keras.Sequential(
        [layers.Input((T, F)), layers.Bidirectional(layers.LSTM(3)), layers.Dense(3, "softmax")]
    )
    start(model)
    entropy = tf.keras.losses.SparseCategoricalCrossentropy()
    optimizer, course = tf.keras.optimizers.Adam(0.02), []
    x, y = tf.convert_to_tensor(draw(N, T, F)), words(N) % 3
    for _ in range(3):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = entropy(y, model(x))
        near = x + 0.1 * tf.sign(tape.gradient(loss, x))
        with tf.GradientTape() as tape:
            loss = 0.5 * entropy(y, model(x, training=True)) + 0.5 * entropy(y, model(near))
        gradients = tape.gradient(loss, model.trainable_weights)
        optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
        course.append(float(loss))
    return course


@program
def a_custom_cell(tf: Any, layers: Any, start: Any) -> Any:
    """A minimal gated cell with layers inside, run by RNN, under a tape."""

    class Minimal(layers.Layer):  # type: ignore[misc]
        def __init__(self, units: int) -> None:
            super().__init__()
            self.units = self.state_size = units
            self.forget, self.candidate = layers.Dense(units, "sigmoid"), layers.Dense(units)
            self.norm = layers.LayerNormalization()

        def build(self, input_shape: Any) -> None:
            joined = (input_shape[0], input_shape[-1] + self.units)
            self.forget.build(joined)
            self.candidate.build(joined)
            self.norm.build((input_shape[0], self.units))

        def call(self, inputs: Any, states: Any) -> Any:
            h = states[0]
            f = self.forget(tf.concat([inputs, h], axis=-1))
            c = tf.tanh(self.norm(self.candidate(tf.concat([inputs, f * h], axis=-1))))
            new = (1.0 - f) * h + f * c
            return new, [new]

    rnn, dense = layers.RNN(Minimal(4), return_sequences=True), layers.Dense(1)
    x, y = draw(N, T, F), draw(N, T, 1, seed=1)
    dense(rnn(x))
    start(rnn, dense)
    return descend(
        tf,
        tf.keras.optimizers.Adam(0.02),
        lambda: tf.reduce_mean(tf.square(dense(rnn(x, training=True)) - y)),
        lambda: rnn.trainable_variables + dense.trainable_variables,
    )


@program
def a_subclass_of_the_lstm(tf: Any, layers: Any, start: Any) -> Any:
    """Layers that extend built-in ones, and call what they inherit."""

    class Scaled(layers.LSTM):  # type: ignore[misc]
        def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:
            return 2.0 * super().call(sequences * 0.5, initial_state=initial_state, mask=mask)

    class Gated(layers.Dense):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            y = super().call(inputs)
            return y * tf.nn.sigmoid(y)

    model = tf.keras.Sequential(
        [layers.Input((T, F)), Scaled(4, return_sequences=True), Gated(3), layers.GRU(2)]
    )
    start(model)
    x, y = draw(N, T, F), draw(N, 2, seed=1)
    return descend(
        tf,
        tf.keras.optimizers.Adam(0.03),
        lambda: tf.keras.losses.LogCosh()(y, model(x, training=True)),
        lambda: model.trainable_variables,
    )


@program
def a_contextual_chain_of_states(tf: Any, layers: Any, start: Any) -> Any:
    """An encoder's states go to a decoder; the embedding is shared; logits are tied to it."""
    embedding = layers.Embedding(V, 4)
    encoder = layers.LSTM(4, return_state=True)
    decoder = layers.LSTM(4, return_sequences=True, return_state=True)
    source, target = words(N, T), words(N, 4, seed=1)

    def loss_of() -> Any:
        _, *states = encoder(embedding(source))
        outputs, _, _ = decoder(embedding(target[:, :-1]), initial_state=states)
        logits = tf.matmul(outputs, embedding.embeddings, transpose_b=True)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target[:, 1:], logits=logits)
        return tf.reduce_mean(loss)

    loss_of()
    parts = (embedding, encoder, decoder)
    start(*parts)
    return descend(
        tf,
        tf.keras.optimizers.Adam(0.02),
        loss_of,
        lambda: [w for part in parts for w in part.trainable_variables],
    )


@program
def multi_task_with_learned_weights(tf: Any, layers: Any, start: Any) -> Any:
    """Kendall's uncertainties: variables of the program beside those of a model."""
    inputs = layers.Input((T, F))
    h = layers.GRU(4)(inputs)
    model = tf.keras.Model(inputs, {"a": layers.Dense(1)(h), "b": layers.Dense(2)(h)})
    start(model)
    log_vars = [tf.Variable(0.0, name=f"s{i}") for i in range(2)]
    x, a, b = draw(N, T, F), draw(N, 1, seed=1), words(N) % 2

    def loss_of() -> Any:
        outputs = model(x, training=True)
        of_a = tf.reduce_mean(tf.keras.losses.MSE(a, outputs["a"]))
        of_b = tf.reduce_mean(
            tf.keras.losses.sparse_categorical_crossentropy(b, outputs["b"], from_logits=True)
        )
        parts = zip(log_vars, (of_a, of_b), strict=True)
        return tf.add_n([tf.exp(-s) * loss + s for s, loss in parts])

    return descend(
        tf,
        tf.keras.optimizers.SGD(0.1, nesterov=True, momentum=0.9),
        loss_of,
        lambda: [*model.trainable_weights, *log_vars],
    )


@program
def a_function_with_tf_function(tf: Any, layers: Any, start: Any) -> Any:
    """The usual `@tf.function` step with metrics, over a tf.data.Dataset."""
    model = tf.keras.Sequential(
        [layers.Input((T,)), layers.Embedding(V, 4), layers.Bidirectional(layers.LSTM(3))]
    )
    model.add(layers.Dense(1))
    start(model)
    loss_fn = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    optimizer = tf.keras.optimizers.Adam(0.02)
    mean, accuracy = tf.keras.metrics.Mean(), tf.keras.metrics.BinaryAccuracy(threshold=0.0)
    x, y = words(N, T), (words(N, 1) % 2).astype("float32")
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(2)

    @tf.function
    def train_step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = loss_fn(y, logits)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        mean.update_state(loss)
        accuracy.update_state(y, logits)
        return loss

    course = []
    for _ in range(3):
        for batch, labels in dataset:
            course.append(float(train_step(batch, labels)))
        course += [float(mean.result()), float(accuracy.result())]
        mean.reset_state()
        accuracy.reset_state()
    return course


@pytest.mark.parametrize("run", PROGRAMS, ids=lambda run: run.__name__)
def test_a_course_is_tensorflows(run: Program) -> None:
    theirs, ours = (
        np.asarray(run(k.tf, k.tf.keras.layers, start), float)
        for k in (THEIRS, SimpleNamespace(tf=OURS.tf))
    )
    assert len(theirs) >= 3
    assert np.ptp(theirs[:3]) > 0
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-6)
