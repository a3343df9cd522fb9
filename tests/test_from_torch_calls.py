"""Calls of a model of rnnext.from_torch as torch calls the module: states, unbatched, packed."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.errors import RnnextError, ShapeError, UnsupportedError

torch = pytest.importorskip("torch")
nn = torch.nn
rnn_utils = torch.nn.utils.rnn

LENGTHS = {"falling": [6, 4, 4, 1], "any": [2, 6, 1, 4]}


def random(*shape: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def flat(nested: Any) -> list[Any]:
    is_nested = isinstance(nested, (tuple, list)) and not hasattr(nested, "batch_sizes")
    return [x for inner in nested for x in flat(inner)] if is_nested else [nested]


def assert_same(outputs: Any, expected: Any) -> None:
    ours, theirs = flat(outputs), flat(expected)
    assert len(ours) == len(theirs)
    for y, reference in zip(ours, theirs, strict=True):
        if isinstance(reference, rnn_utils.PackedSequence):
            assert isinstance(y, rnn_utils.PackedSequence)
            padded, lengths = rnn_utils.pad_packed_sequence(y)
            right, right_lengths = rnn_utils.pad_packed_sequence(reference)
            np.testing.assert_array_equal(lengths, right_lengths)
            y, reference = padded.numpy(), right
        assert isinstance(y, np.ndarray)
        np.testing.assert_allclose(y, reference.detach().numpy(), rtol=0, atol=2e-6, strict=True)


def states(module: Any, batch: int) -> Any:
    runs = module.num_layers * (2 if module.bidirectional else 1)
    h = random(runs, batch, module.proj_size or module.hidden_size)
    c = random(runs, batch, module.hidden_size)
    return (h, c) if isinstance(module, nn.LSTM) else h


MODULES = [
    (kind, layers, bidirectional, batch_first, {"proj_size": proj} if proj else {})
    for kind, layers, bidirectional, batch_first in itertools.product(
        [nn.LSTM, nn.GRU, nn.RNN], [1, 2], [False, True], [False, True]
    )
    for proj in ([0, 3] if kind is nn.LSTM else [0])
]


@pytest.fixture(params=MODULES, ids=str)
def module(request: pytest.FixtureRequest) -> Any:
    kind, layers, bidirectional, batch_first, options = request.param
    torch.manual_seed(1)
    return kind(5, 4, layers, bidirectional=bidirectional, batch_first=batch_first, **options)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_with_and_without_states_and_batch(module: Any) -> None:
    model = rnnext.from_torch(module)
    x, hx = random(4, 6, 5), states(module, 4 if module.batch_first else 6)
    assert_same(model(x), module(x))
    assert_same(model(x.numpy(), hx), module(x, hx))
    assert_same(model(x, hx=hx), module(x, hx))
    one = (hx[0][:, 0], hx[1][:, 0]) if isinstance(hx, tuple) else hx[:, 0]
    assert_same(model(x[0]), module(x[0]))
    assert_same(model(x[0], one), module(x[0], one))


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("order", LENGTHS)
def test_packed_sequence(module: Any, order: str) -> None:
    model = rnnext.from_torch(module)
    packed = rnn_utils.pack_padded_sequence(
        random(4, 6, 5), LENGTHS[order], batch_first=True, enforce_sorted=order == "falling"
    )
    hx = states(module, 4)
    assert_same(model(packed), module(packed))
    assert_same(model(packed, hx), module(packed, hx))


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_stream_has_the_bits_of_the_whole(module: Any) -> None:
    model = rnnext.from_torch(module)
    if module.bidirectional:
        with pytest.raises(UnsupportedError, match="cannot be streamed"):
            model.stream()
        return
    x = random(4, 6, 5)
    whole = model(x if module.batch_first else x.transpose(0, 1))
    stream = model.stream(batch_size=4)
    axis = 1 if module.batch_first else 0
    for t in range(6):
        output, last = stream.step(x[:, t])
        np.testing.assert_array_equal(output, whole[0].take(t, axis))
    for y, reference in zip(flat(last), flat(whole[1]), strict=True):
        np.testing.assert_array_equal(y, reference, strict=True)
    stream.reset()
    for y, reference in zip(
        flat(stream.chunk(x if module.batch_first else x.transpose(0, 1))), flat(whole), strict=True
    ):
        np.testing.assert_array_equal(y, reference, strict=True)


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("take", ["sequence", "last"])
def test_stream_with_a_module_behind(batch_first: bool, take: str) -> None:
    parts = [nn.LSTM(5, 4, 2, batch_first=batch_first), nn.Linear(4, 2)]
    model = rnnext.from_torch(parts, take=take)
    x = random(1, 6, 5)
    whole = model(x if batch_first else x.transpose(0, 1))
    stream = model.stream()
    steps = [stream.step(x[:, t]) for t in range(6)]
    if take == "last":
        np.testing.assert_array_equal(steps[-1], whole)
    else:
        np.testing.assert_array_equal(np.stack(steps, 1 if batch_first else 0), whole)


def test_stream_of_a_model_around_it() -> None:
    inner = rnnext.from_torch([nn.LSTM(5, 4, batch_first=True), nn.Linear(4, 2)])
    x = rnnext.Input((None, 5))
    outer = rnnext.Model(x, inner(x))
    steps = random(2, 6, 5).numpy()
    np.testing.assert_array_equal(outer.stream(2).chunk(steps), inner(steps))


def test_copies_are_called_and_streamed_alike() -> None:
    model = rnnext.from_torch(nn.LSTM(5, 4, 2, batch_first=True))
    x, h = random(3, 6, 5).numpy(), random(2, 3, 4).numpy()
    stream = model.stream(3)
    stream.step(x[:, 0])
    expected = flat(stream.step(x[:, 1]))
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        for y, reference in zip(flat(again(x, (h, h))), flat(model(x, (h, h))), strict=True):
            np.testing.assert_array_equal(y, reference)
        other = again.stream(3)
        other.step(x[:, 0])
        other = pickle.loads(pickle.dumps(other))
        for y, reference in zip(flat(other.step(x[:, 1])), expected, strict=True):
            np.testing.assert_array_equal(y, reference)


def test_new_weights_hold_for_every_way_of_calling() -> None:
    first, second = (nn.GRU(5, 4, 2, batch_first=True) for _ in range(2))
    model = rnnext.from_torch(first)
    model.set_weights(rnnext.from_torch(second).get_weights())
    x, h = random(4, 6, 5), random(2, 4, 4)
    packed = rnn_utils.pack_padded_sequence(x, LENGTHS["falling"], batch_first=True)
    assert_same(model(x, h), second(x, h))
    assert_same(model(packed), second(packed))
    assert_same(model.stream(4).chunk(x), second(x))


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_cells(cell: Any) -> None:
    module = cell(5, 4)
    model = rnnext.from_torch(module)
    x, h = random(3, 5), random(3, 4)
    hx, one = ((h, h / 2), (h[0], h[1])) if cell is nn.LSTMCell else (h, h[0])
    assert_same(model(x), module(x))
    assert_same(model(x, hx), module(x, hx))
    assert_same(model(x[0]), module(x[0]))
    assert_same(model(x[0], one), module(x[0], one))


def test_embedded_sequences_packed_into_a_stack() -> None:
    words, lstm, head = nn.Embedding(9, 5), nn.LSTM(5, 4, bidirectional=True), nn.Linear(8, 2)
    ids = torch.randint(0, 9, (4, 6))
    lengths = LENGTHS["any"]
    packed = rnn_utils.pack_padded_sequence(ids, lengths, batch_first=True, enforce_sorted=False)
    embedded = packed._replace(data=words(packed.data))
    output, (h, _) = lstm(embedded)
    tagger = rnnext.from_torch([words, lstm, head])
    assert_same(tagger(packed), output._replace(data=head(output.data)))
    classifier = rnnext.from_torch([words, lstm, head], take="state")
    assert_same(classifier(packed), head(torch.cat([h[-2], h[-1]], -1)))


def test_states_as_inputs_of_the_model() -> None:
    module = nn.LSTM(5, 4, 2, batch_first=True)
    model = rnnext.from_torch(module, initial_state=True)
    x, hx = random(3, 6, 5), states(module, 3)
    assert_same(model((x, hx)), module(x, hx))
    assert_same(model(x, hx), module(x, hx))
    assert_same(model(x), module(x))
    with pytest.raises(ShapeError, match=r"h_0: Expected hidden\[0\] size \(2, 3, 4\)"):
        model.predict((x.numpy(), (random(3, 2, 4).numpy(), random(3, 2, 4).numpy())))


def lstm() -> Any:
    return rnnext.from_torch(nn.LSTM(5, 4, 2, batch_first=True))


def packed(width: int = 5) -> Any:
    return rnn_utils.pack_padded_sequence(random(4, 6, width), [6, 4, 4, 1], batch_first=True)


X, H = random(4, 6, 5), random(2, 4, 4)
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "batch first": (
        lambda: lstm()(X, (H.transpose(0, 1), H.transpose(0, 1))),
        r"h_0: Expected hidden\[0\] size \(2, 4, 4\), got \[4, 2, 4\]; .*\(layers \* directions",
    ),
    "c": (lambda: lstm()(X, (H, H[..., :2])), r"c_0: Expected hidden\[1\] size \(2, 4, 4\), got"),
    "gru": (
        lambda: rnnext.from_torch(nn.GRU(5, 4, batch_first=True))(X, H),
        r"h_0: Expected hidden size \(1, 4, 4\), got \[2, 4, 4\]",
    ),
    "cell": (
        lambda: rnnext.from_torch(nn.GRUCell(5, 4))(X[0], H[0]),
        r"h_0: Expected hidden size \(6, 4\), got \[4, 4\]",
    ),
    "no pair": (lambda: lstm()(X, H), r"must be the pair \(h_0, c_0\), received Tensor"),
    "three": (lambda: lstm()(X, (H, H, H)), r"the pair \(h_0, c_0\), received 3 values"),
    "batch for one": (
        lambda: lstm()(X[0], (H, H)),
        r"h_0: Expected hidden\[0\] size \(2, 4\), got \[2, 4, 4\]",
    ),
    "packed states": (lambda: lstm()(packed(), (H[:, :2], H)), r"h_0: Expected hidden\[0\] size"),
    "packed width": (lambda: lstm()(packed(3)), r"expected an array of shape \(None, None, 5\)"),
    "width": (lambda: lstm()(X[..., :3]), r"without the batch axis, received shape \(4, 6, 3\)"),
    "width of one": (lambda: lstm()(X[0, :, :3]), r"batch axis, received shape \(6, 3\)"),
    "rank": (lambda: lstm()(X[None]), r"received shape \(1, 4, 6, 5\)"),
    "predict": (lambda: lstm().predict(packed()), r"torch PackedSequence, .* model\(x\)"),
    "last of both": (
        lambda: rnnext.from_torch(nn.LSTM(5, 4, bidirectional=True), take="last")(packed()),
        r"PackedSequence is not supported: take='last' of both directions",
    ),
    "no recurrence": (
        lambda: rnnext.from_torch(nn.Linear(5, 4))(packed()),
        r"PackedSequence is not supported: no module takes a sequence",
    ),
    "states of two": (
        lambda: rnnext.from_torch([nn.GRU(5, 4), nn.GRU(4, 3)])(X, H),
        r"states can be given to exactly one recurrent module",
    ),
    "unbatched batch norm": (
        lambda: rnnext.from_torch(nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4)))(X[0, 0]),
        r"BatchNorm1d\) takes the first axis of any input as samples",
    ),
    "batch sizes": (
        lambda: lstm()(packed()._replace(batch_sizes=torch.tensor([1, 2]))),
        r"batch_sizes of a PackedSequence must be falling",
    ),
    "bfloat16": (lambda: lstm()(X.bfloat16()), r"cannot make an array of 'Tensor'"),
    "none": (lambda: lstm()(None), r"expected numbers, received 'NoneType'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls_are_named(case: str) -> None:
    call, message = WRONG[case]
    with pytest.raises(RnnextError, match=message):
        call()
