"""Bidirectional and TimeDistributed give Keras's answers, masks, shapes and configs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from keras_reference import arrays, load_keras
from layer_twins import assert_same_output, random_array

import rnnext
from rnnext import activations, layers
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.graph.masked_array import mask_of

keras = load_keras()

B, T, D, H = 3, 5, 4, 6
MERGES = ("concat", "sum", "mul", "ave", None)
CELLS = ("SimpleRNN", "LSTM", "GRU")
STATES = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}

X = random_array((B, T, D))
# No step, all steps, and steps missing at the start, in the middle and at the end.
MASK = np.array([[0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 0, 1, 0]], bool)


def give_weights(theirs: Any, ours: Any) -> None:
    """Both get the same random weights."""
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    weights = [0.5 * random_array(w.shape, w.dtype, f"{i}") for i, w in enumerate(ours.weights)]
    for i, weight in enumerate(ours.weights):
        if "variance" in weight.name:
            weights[i] = np.abs(weights[i])
    theirs.set_weights(weights)
    ours.set_weights(weights)


def pair(build: Any, x: Any = X) -> tuple[Any, Any]:
    """What `build` makes of Keras's and of rnnext's layers, built for `x`, with equal weights."""
    theirs, ours = build(keras.layers), build(layers)
    theirs(x)
    ours.build(x.shape)
    give_weights(theirs, ours)
    return theirs, ours


def assert_same_outputs(received: Any, expected: Any) -> None:
    received, expected = arrays(received), arrays(expected)
    assert len(received) == len(expected)
    for y, reference in zip(received, expected, strict=True):
        assert_same_output(y, reference)


def comparable(config: Any) -> Any:
    """A config without what differs from layer to layer: names, seeds, whether it is built."""
    left_out = ("name", "seed", "build_config")
    if isinstance(config, dict):
        return {k: comparable(v) for k, v in config.items() if k not in left_out}
    if isinstance(config, (list, tuple)):
        return [comparable(item) for item in config]
    return config


def assert_same_config(theirs: Any, ours: Any) -> None:
    """The configs are equal, and ours makes the layer again."""
    config = rnnext.serialization.serialize(ours)
    assert comparable(config) == comparable(keras.saving.serialize_keras_object(theirs))
    again = rnnext.serialization.deserialize(config)
    assert rnnext.serialization.serialize(again) == config


def bidirectional_cases() -> Iterator[Any]:
    """Every merge mode and pair of flags; masks and states in turn."""
    turn = itertools.cycle(itertools.product((False, True), repeat=2))
    for cell, merge, sequences, state in itertools.product(
        CELLS, MERGES, (False, True), (False, True)
    ):
        if cell != "GRU" and merge not in ("concat", None):
            continue
        mask, initial = next(turn)
        # 4 turns and 4 pairs of flags: shifted by one after each merge mode.
        if sequences and state:
            next(turn)
        yield pytest.param(
            cell, merge, sequences, state, mask, initial,
            id=f"{cell}-{merge}-seq{sequences:d}-state{state:d}-mask{mask:d}-init{initial:d}",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "merge", "sequences", "state", "mask", "initial"), list(bidirectional_cases())
)
def test_bidirectional(
    cell: str, merge: str | None, sequences: bool, state: bool, mask: bool, initial: bool
) -> None:
    def build(module: ModuleType) -> Any:
        inner = getattr(module, cell)(H, return_sequences=sequences, return_state=state)
        return module.Bidirectional(inner, merge_mode=merge, name="both")

    theirs, ours = pair(build)
    call: dict[str, Any] = {"mask": MASK} if mask else {}
    if initial:
        count = 2 * STATES[cell]
        call["initial_state"] = [random_array((B, H), seed=f"h{i}") for i in range(count)]
    assert_same_outputs(ours(X, **call), theirs(X, **call))
    assert_same_config(theirs, ours)
    shapes = [y.shape for y in arrays(ours(X))]
    computed = ours.compute_output_shape(X.shape)
    assert (list(computed) if len(shapes) > 1 else [computed]) == shapes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("merge", MERGES)
def test_a_different_backward_layer(merge: str | None, dtype: str) -> None:
    def build(module: ModuleType) -> Any:
        return module.Bidirectional(
            module.LSTM(H, return_sequences=True, dtype=dtype),
            backward_layer=module.GRU(
                H, activation="relu", return_sequences=True, go_backwards=True, dtype=dtype
            ),
            merge_mode=merge,
            dtype=dtype,
        )

    theirs, ours = pair(build, X.astype(dtype))
    assert_same_outputs(ours(X.astype(dtype)), theirs(X.astype(dtype)))


def test_the_first_layer_may_be_the_one_that_reads_backwards() -> None:
    def build(module: ModuleType) -> Any:
        return module.Bidirectional(
            module.LSTM(H, go_backwards=True), backward_layer=module.LSTM(H)
        )

    theirs, ours = pair(build)
    assert_same_outputs(ours(X), theirs(X))


def test_widths_may_differ_where_outputs_are_concatenated() -> None:
    ours = layers.Bidirectional(layers.GRU(2), backward_layer=layers.GRU(3, go_backwards=True))
    assert ours(X).shape == ours.compute_output_shape(X.shape) == (B, 5)
    ours = layers.Bidirectional(
        layers.GRU(2), backward_layer=layers.GRU(3, go_backwards=True), merge_mode="sum"
    )
    with pytest.raises(ShapeError, match=r"'sum' needs outputs of one shape.*\(3, 2\).*\(3, 3\)"):
        ours(X)


def test_stateful() -> None:
    def build(module: ModuleType) -> Any:
        return module.Bidirectional(module.LSTM(H, stateful=True, return_sequences=True))

    theirs, ours = pair(build)
    theirs.reset_state()
    first = ours(X)
    assert_same_outputs(first, theirs(X))
    assert_same_outputs(ours(X), theirs(X))
    assert_same_outputs(list(ours.states), list(theirs.states))
    ours.reset_states()
    np.testing.assert_array_equal(ours(X), first)


def test_stateful_in_a_model() -> None:
    inputs = layers.Input(batch_shape=(B, T, D))
    model = rnnext.Model(inputs, layers.Bidirectional(layers.GRU(H, stateful=True))(inputs))
    assert model.stateful
    first, second = model.predict(X), model.predict(X)
    assert not np.array_equal(first, second)
    model.reset_states()
    np.testing.assert_array_equal(model.predict(X), first)


def test_stacked_cells() -> None:
    def build(module: ModuleType) -> Any:
        cells = [module.LSTMCell(H), module.GRUCell(H)]
        return module.Bidirectional(module.RNN(cells, return_sequences=True))

    theirs, ours = pair(build)
    assert_same_outputs(ours(X, mask=MASK), theirs(X, mask=MASK))


class LeakyCell(layers.Layer):
    """A user's cell."""

    def __init__(self, units: int, leak: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units
        self.leak = leak

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.leak * states[0] + inputs @ self.kernel
        return h, [h]


def times_two(x: Any) -> Any:
    return 2 * x


def test_copies_of_a_users_cell_and_activation() -> None:
    layer = layers.Bidirectional(layers.RNN(LeakyCell(2, leak=0.25)))
    assert isinstance(layer.backward_layer.cell, LeakyCell)
    assert layer.backward_layer.cell is not layer.forward_layer.cell
    assert layer.backward_layer.cell.leak == 0.25
    assert layer(X).shape == (B, 4)
    layer = layers.Bidirectional(layers.SimpleRNN(2, activation=times_two))
    assert layer.backward_layer.activation.function is times_two


def test_the_layer_given_is_not_the_one_used() -> None:
    inner = layers.LSTM(H, name="lstm")
    inner(X)
    outer = layers.Bidirectional(inner)
    assert outer.forward_layer is not inner
    assert outer.forward_layer.name == "forward_lstm"
    assert outer.backward_layer.name == "backward_lstm"
    assert not outer.forward_layer.built
    again = layers.Bidirectional.from_config(outer.get_config())
    assert again.forward_layer.name == "forward_lstm"


def test_masks_that_outputs_carry() -> None:
    masked = layers.Masking()(X * MASK[..., None])
    sequences = layers.Bidirectional(layers.GRU(H, return_sequences=True))(masked)
    np.testing.assert_array_equal(mask_of(sequences), MASK)
    assert mask_of(layers.Bidirectional(layers.GRU(H))(masked)) is None
    several = layers.Bidirectional(
        layers.GRU(H, return_sequences=True, return_state=True), merge_mode=None
    )(masked)
    assert [mask_of(y) is None for y in several] == [False, False, True, True]


def test_forced_zero_output_for_mask() -> None:
    inner = layers.GRU(H, zero_output_for_mask=True)
    assert not layers.Bidirectional(inner).forward_layer.zero_output_for_mask
    inner = layers.GRU(H, return_sequences=True)
    layer = layers.Bidirectional(inner)
    assert layer.forward_layer.zero_output_for_mask
    assert layer.backward_layer.zero_output_for_mask
    assert not layer(X, mask=MASK)[~MASK].any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Bidirectional(3), "must be a layer, received 3"),
        (lambda: layers.Bidirectional(layers.Dense(3)), "has no go_backwards"),
        (lambda: layers.Bidirectional(layers.GRU(2), merge_mode="max"), "received 'max'"),
        (lambda: layers.Bidirectional(layers.GRU(2), weights=[1]), "weights must be None"),
        (lambda: layers.Bidirectional(layers.GRU(2), backward_layer=layers.GRU(2)), "differ in"),
        (lambda: layers.Bidirectional(layers.GRU(2, go_backwards=True)), "differ in go_backwards"),
        (
            lambda: layers.Bidirectional(
                layers.GRU(2), backward_layer=layers.GRU(2, go_backwards=True, return_state=True)
            ),
            "agree in return_state, received False and True",
        ),
    ],
)
def test_bidirectional_refuses(make: Any, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        make()


@pytest.mark.parametrize("count", [1, 3])
def test_bidirectional_refuses_an_odd_number_of_states(count: int) -> None:
    states = [np.zeros((B, H))] * count
    with pytest.raises(ShapeError, match=f"as many of the backward layer's, received {count}"):
        layers.Bidirectional(layers.GRU(H))(X, initial_state=states)


@pytest.mark.parametrize("x", [np.zeros((2, 3)), np.zeros((2, 3, D + 1)), np.zeros((2, 0, D))])
def test_bidirectional_refuses_shapes(x: Any) -> None:
    layer = layers.Bidirectional(layers.GRU(H))
    layer(X)
    with pytest.raises(ShapeError):
        layer(x)


# TimeDistributed --------------------------------------------------------------------------------

IMAGES = random_array((2, 3, 6, 5, 3))
INNER = {
    "Dense": (lambda m: m.Dense(7, activation="softmax"), X),
    "Conv2D": (lambda m: m.Conv2D(4, 2, activation="relu"), IMAGES),
    "MaxPooling2D": (lambda m: m.MaxPooling2D(2), IMAGES),
    "Flatten": (lambda m: m.Flatten(), IMAGES),
    "BatchNormalization": (lambda m: m.BatchNormalization(), IMAGES),
    "LSTM": (lambda m: m.LSTM(H), random_array((2, 3, T, D))),
    "Bidirectional": (
        lambda m: m.Bidirectional(m.GRU(H, return_sequences=True)),
        random_array((2, 3, T, D)),
    ),
    "TimeDistributed": (lambda m: m.TimeDistributed(m.Dense(2)), random_array((2, 3, T, D))),
    "softmax over the batch": (lambda m: m.Softmax(axis=0), X),
}


@pytest.mark.parametrize("name", INNER)
def test_time_distributed(name: str) -> None:
    inner, x = INNER[name]
    theirs, ours = pair(lambda module: module.TimeDistributed(inner(module), name="td"), x)
    assert_same_outputs(ours(x), theirs(x))
    assert tuple(ours.compute_output_shape(x.shape)) == ours(x).shape
    assert_same_config(theirs, ours)


def test_time_distributed_embedding() -> None:
    ids = np.arange(24, dtype="int32").reshape(2, 3, 4) % 5
    theirs, ours = pair(lambda m: m.TimeDistributed(m.Embedding(5, 3)), ids)
    assert_same_outputs(ours(ids), theirs(ids))
    inputs = layers.Input((3, 4), dtype="int32")
    assert rnnext.Model(inputs, ours(inputs)).predict(ids).shape == (2, 3, 4, 3)


def test_time_distributed_hands_on_each_steps_mask() -> None:
    x = random_array((2, 3, T, D))
    mask = random_array((2, 3, T), seed="mask") > 0
    theirs, ours = pair(lambda m: m.TimeDistributed(m.LSTM(H)), x)
    assert_same_outputs(ours(x, mask=mask), theirs(x, mask=mask))


def test_time_distributed_keeps_the_mask() -> None:
    masked = layers.Masking()(X * MASK[..., None])
    np.testing.assert_array_equal(mask_of(layers.TimeDistributed(layers.Dense(2))(masked)), MASK)


def test_mask_behind_a_layer_that_takes_the_steps_own_axes_away() -> None:
    """Sentences of words to sentences; what tf.keras 2 does, and Keras 3 cannot run."""
    words = random_array((2, 3, T, D))
    words[0, 1:] = 0
    words[1, :, 3:] = 0
    y = layers.TimeDistributed(layers.LSTM(H))(layers.Masking()(words))
    np.testing.assert_array_equal(mask_of(y), [[1, 0, 0], [1, 1, 1]])
    assert layers.LSTM(2)(y).shape == (2, 2)


@pytest.mark.parametrize("steps", [T, None])
def test_time_distributed_model(steps: int | None, tmp_path: Path) -> None:
    def build(module: Any) -> Any:
        inner = module.Sequential([module.layers.Input((D,)), module.layers.Dense(3)])
        x = module.layers.Input((steps, D))
        y = module.layers.TimeDistributed(inner)(module.layers.Masking()(x))
        return module.Model(x, module.layers.GRU(2)(y))

    theirs, ours = build(keras), build(rnnext)
    give_weights(theirs, ours)
    x = X * MASK[..., None]
    assert_same_outputs(ours.predict(x), theirs(x))
    theirs.save(tmp_path / "m.keras")
    assert_same_outputs(rnnext.load_model(tmp_path / "m.keras").predict(x), theirs(x))


class BatchMean(layers.Layer):
    """Mixes the samples of a batch, so that it matters what one call sees."""

    def call(self, inputs: Any) -> Any:
        return inputs - inputs.mean(axis=0)


def test_a_users_layer_sees_one_step_at_a_time() -> None:
    y = layers.TimeDistributed(BatchMean())(X)
    np.testing.assert_allclose(y, X - X.mean(axis=0), atol=1e-6)
    inner = rnnext.Sequential([layers.Input((D,)), BatchMean()])
    np.testing.assert_array_equal(layers.TimeDistributed(inner)(X), y)


def test_states_go_from_step_to_step() -> None:
    x = random_array((B, 2, T, D))
    theirs, ours = pair(lambda m: m.TimeDistributed(m.GRU(H, stateful=True)), x)
    theirs.layer.reset_state()
    first = ours(x)
    assert_same_outputs(first, theirs(x))
    ours.reset_states()
    np.testing.assert_array_equal(ours(x), first)


@pytest.mark.parametrize("shape", [(0, T, D), (B, 0, D)])
def test_time_distributed_over_nothing(shape: tuple[int, ...]) -> None:
    layer = layers.TimeDistributed(layers.Dense(2))
    layer(X)
    assert layer(np.zeros(shape)).shape == (*shape[:2], 2)


def test_time_distributed_refuses() -> None:
    with pytest.raises(UnsupportedError, match="expected a layer to wrap, received 'dense'"):
        layers.TimeDistributed("dense")
    with pytest.raises(ShapeError, match=r"at least three axes .* received shape \(3, 4\)"):
        layers.TimeDistributed(layers.Dense(2))(X[:, 0])
    with pytest.raises(ShapeError, match=r"expected shape \(3, 5\).*received \(3, 4\)"):
        layers.TimeDistributed(layers.Dense(2))(X, mask=MASK[:, 1:])
    with pytest.raises(UnsupportedError, match="must have one output"):
        layers.TimeDistributed(layers.LSTM(2, return_state=True))(np.zeros((2, 3, T, D)))


# In models ----------------------------------------------------------------------------------------


def test_encoder_and_decoder(tmp_path: Path) -> None:
    """The states of a bidirectional encoder are the initial states of a bidirectional decoder."""

    def build(module: Any) -> Any:
        of = module.layers
        source, target = of.Input((None, D)), of.Input((None, 2))
        encoder = of.Bidirectional(of.LSTM(H, return_state=True), name="encoder")
        _, *states = encoder(of.Masking()(source))
        decoder = of.Bidirectional(of.LSTM(H, return_sequences=True), name="decoder")
        decoded = decoder(target, initial_state=list(states))
        return module.Model([source, target], of.TimeDistributed(of.Dense(3))(decoded))

    theirs, ours = build(keras), build(rnnext)
    give_weights(theirs, ours)
    inputs = [X * MASK[..., None], random_array((B, 4, 2))]
    expected = np.asarray(theirs(inputs))
    assert_same_output(ours.predict(inputs), expected)
    theirs.save(tmp_path / "m.keras")
    assert_same_output(rnnext.load_model(tmp_path / "m.keras").predict(inputs), expected)
    again = rnnext.models.model_from_json(ours.to_json())
    again.set_weights(ours.get_weights())
    assert_same_output(again.predict(inputs), expected)


def _halved(x: np.ndarray) -> np.ndarray:
    return np.tanh(x) / 2


@pytest.mark.parametrize("wrapped", [False, True], ids=["layer", "bidirectional"])
def test_activation_without_kernel_between_calls(wrapped: bool) -> None:
    """A layer whose cell leaves its kernel, and comes back to it, gives each one's answer."""
    x = np.random.default_rng(0).standard_normal((2, 4, 3)).astype("float32")
    layer = layers.LSTM(5)
    model = layers.Bidirectional(layer) if wrapped else layer
    cells = [model.forward_layer.cell, model.backward_layer.cell] if wrapped else [layer.cell]
    before = model(x)
    for cell in cells:
        cell.activation = activations.get(_halved)
    between = [model(x), model(x)]
    for cell in cells:
        cell.activation = activations.get("tanh")
    np.testing.assert_array_equal(model(x), before)
    np.testing.assert_array_equal(*between)
    assert np.abs(between[0] - before).max() > 0.01


@pytest.mark.parametrize(
    "options",
    [
        {"activation": "relu"},
        {"activation": layers.LeakyReLU(0.3)},
        {"recurrent_activation": "hard_sigmoid"},
        {"units": 5},
        {"reset_after": False},
    ],
    ids=str,
)
def test_directions_that_differ_give_what_each_gives_alone(
    options: dict[str, Any], set_num_threads: Callable[[int], None]
) -> None:
    """Small layers are run step by step in turn by one kernel, if they are of one kind."""
    set_num_threads(1)
    alike = {"units": 4, "activation": layers.LeakyReLU(0.2), "return_sequences": True}
    forward = layers.GRU(**alike)
    backward = layers.GRU(**{**alike, **options}, go_backwards=True)
    both = layers.Bidirectional(forward, backward_layer=backward, merge_mode=None)
    x = np.random.default_rng(1).standard_normal((1, 9, 3)).astype("float32")
    for _ in range(2):  # the first call finds the short way that the second takes
        y, z = both(x)
        assert np.array_equal(y, both.forward_layer(x))
        assert np.array_equal(z, both.backward_layer(x)[:, ::-1])
