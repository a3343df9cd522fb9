"""rnnext.from_torch beside torch itself: modules, stacks, states, layouts, refusals.

Skipped without torch, which no extra but `torch` installs.
"""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras

import rnnext
from rnnext.errors import ShapeError, UnsupportedError
from rnnext.models import batching

torch = pytest.importorskip("torch")
nn = torch.nn

RECURRENT = {
    "tanh": nn.RNN,
    "relu": functools.partial(nn.RNN, nonlinearity="relu"),
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}
STACKS = list(itertools.product([1, 2, 3], [False, True]))  # layers, bidirectional


def random(*shape: int) -> Any:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator)


def with_random_parameters(module: Any) -> Any:
    """The module, with every parameter random: fresh biases may be zero, scales one."""
    torch.manual_seed(1)
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5)
    return module.eval()


def arrays(nested: Any) -> Any:
    return (
        tuple(map(arrays, nested)) if isinstance(nested, (tuple, list)) else nested.detach().numpy()
    )


def flat(nested: Any) -> list[Any]:
    return (
        [x for inner in nested for x in flat(inner)]
        if isinstance(nested, (tuple, list))
        else [nested]
    )


def assert_same(outputs: Any, expected: Any, atol: float = 1e-6) -> None:
    ours, theirs = flat(outputs), flat(arrays(expected))
    assert len(ours) == len(theirs)
    for y, reference in zip(ours, theirs, strict=True):
        assert y.dtype == reference.dtype
        np.testing.assert_allclose(y, reference, rtol=0, atol=atol, strict=True)


def assert_same_answers(module: Any, *inputs: Any, **options: Any) -> Any:
    """Makes a model of the module and compares what both return; returns the model."""
    with_random_parameters(module)
    model = rnnext.from_torch(module, **options)
    given = arrays(inputs) if len(inputs) > 1 else arrays(inputs[0])
    assert_same(model(given), module(*inputs))
    return model


# One recurrent module ----------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(("num_layers", "bidirectional"), STACKS)
@pytest.mark.parametrize("kind", RECURRENT)
def test_outputs_and_states(
    kind: str, num_layers: int, bidirectional: bool, batch_first: bool, bias: bool
) -> None:
    module = RECURRENT[kind](
        5,
        7,
        num_layers=num_layers,
        bidirectional=bidirectional,
        batch_first=batch_first,
        bias=bias,
        dropout=0.5 if num_layers > 1 else 0.0,
    )
    assert_same_answers(module, random(4, 6, 5))


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(("num_layers", "bidirectional"), STACKS)
@pytest.mark.parametrize("kind", RECURRENT)
def test_initial_states(kind: str, num_layers: int, bidirectional: bool, batch_first: bool) -> None:
    module = RECURRENT[kind](
        5, 7, num_layers=num_layers, bidirectional=bidirectional, batch_first=batch_first
    )
    runs = num_layers * (2 if bidirectional else 1)
    h = random(runs, 4 if batch_first else 6, 7)
    states = (h, h.flip(0) / 2) if kind == "lstm" else h
    model = assert_same_answers(module, random(4, 6, 5), states, initial_state=True)
    assert model.input_names == ["input", "h_0", "c_0"][: 3 if kind == "lstm" else 2]


def test_initial_states_of_another_number_of_layers() -> None:
    model = rnnext.from_torch(nn.GRU(5, 7, num_layers=2, batch_first=True), initial_state=True)
    with pytest.raises(ShapeError, match=r"h_0: Expected hidden size \(2, 4, 7\), got \[3, 4, 7\]"):
        model((random(4, 6, 5).numpy(), random(3, 4, 7).numpy()))


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("bias", [True, False])
def test_cells(cell: Any, bias: bool) -> None:
    module = cell(5, 7, bias=bias)
    x, h = random(3, 5), random(3, 7)
    assert_same_answers(module, x)
    assert_same_answers(module, x, (h, h / 2) if cell is nn.LSTMCell else h, initial_state=True)


@pytest.mark.parametrize("kind", RECURRENT)
def test_float64(kind: str) -> None:
    module = with_random_parameters(RECURRENT[kind](5, 7, batch_first=True).double())
    x = random(4, 6, 5).double()
    model = rnnext.from_torch(module)
    assert_same(model(x.numpy()), module(x), atol=1e-14)


def test_long_sequences_keep_the_precision() -> None:
    module = with_random_parameters(nn.LSTM(16, 64, num_layers=2, batch_first=True))
    model = rnnext.from_torch(module, take="last")
    x = random(2, 500, 16)
    assert_same(model(x.numpy()), module(x)[0][:, -1], atol=5e-6)


# Layouts -----------------------------------------------------------------------------------------


def test_either_layout_on_request() -> None:
    module = with_random_parameters(nn.GRU(5, 7))
    x = random(6, 4, 5)
    output, h_n = module(x)
    y, h = rnnext.from_torch(module, batch_first=True)(x.transpose(0, 1).numpy())
    assert_same(y, output.transpose(0, 1))
    assert_same(h, h_n)
    time_major = rnnext.from_torch(nn.GRU(5, 7, batch_first=True), batch_first=False)
    assert time_major(x.numpy())[1].shape == (1, 4, 7)


@pytest.mark.parametrize("batch_first", [True, False])
def test_predict_runs_whole_what_it_must_not_cut(
    batch_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "_MEMORY_BYTES", 1)  # so that predict cuts after 32 rows
    x = random(70, 60, 3)
    module = nn.LSTM(3, 4, batch_first=batch_first)
    model = assert_same_answers(module, x)
    assert_same(model.predict(x.numpy()), module(x))
    with pytest.raises(UnsupportedError, match=r"batch_size=8: .* not on the first axis; leave"):
        model.predict(x.numpy(), batch_size=8)
    outer_input = rnnext.Input((None, 3))
    outer = rnnext.Model(outer_input, model(outer_input)[0])
    assert_same(outer.predict(x.numpy()), module(x)[0])


def test_predict_in_batches_where_samples_come_first() -> None:
    module = with_random_parameters(nn.LSTM(3, 4))
    x = random(50, 9, 3)
    model = rnnext.from_torch(module, take="sequence", batch_first=True)
    expected = module(x.transpose(0, 1))[0].transpose(0, 1)
    assert_same(model.predict(x.numpy(), batch_size=7), expected)


# Stacks ------------------------------------------------------------------------------------------


class Tagger(nn.Module):
    """What users write: torch's Sequential cannot take the sequence out of an LSTM's results."""

    def __init__(self, take: str, bidirectional: bool, batch_first: bool) -> None:
        super().__init__()
        self.take = take
        self.batch_first = batch_first
        self.words = nn.Embedding(30, 6, padding_idx=0)
        self.lower = nn.GRU(6, 5, batch_first=batch_first, bidirectional=bidirectional)
        width = 10 if bidirectional else 5
        self.upper = nn.LSTM(
            width, 4, num_layers=2, batch_first=batch_first, bidirectional=bidirectional
        )
        width = 8 if bidirectional else 4
        self.norm = nn.LayerNorm(width)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(width, 3)

    def modules_in_order(self) -> list[Any]:
        return [self.words, self.lower, self.upper, self.norm, self.drop, self.head]

    def forward(self, ids: Any) -> Any:
        output, (h_n, _) = self.upper(self.lower(self.words(ids))[0])
        if self.take == "last":
            output = output[:, -1] if self.batch_first else output[-1]
        elif self.take == "state":
            output = torch.cat([h_n[-2], h_n[-1]], -1) if self.upper.bidirectional else h_n[-1]
        return self.head(self.drop(self.norm(output)))


@pytest.mark.parametrize("take", ["sequence", "last", "state"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("batch_first", [True, False])
def test_stack_of_a_users_class(take: str, bidirectional: bool, batch_first: bool) -> None:
    tagger = with_random_parameters(Tagger(take, bidirectional, batch_first))
    model = rnnext.from_torch(tagger.modules_in_order(), take=take)
    ids = torch.randint(0, 30, (4, 7), generator=torch.Generator().manual_seed(0))
    assert_same(model(ids.numpy()), tagger(ids))
    assert_same(model.predict(ids.numpy()), tagger(ids))


def test_take_is_the_sequence_where_modules_follow() -> None:
    tagger = with_random_parameters(Tagger("sequence", False, True))
    model = rnnext.from_torch(tagger.modules_in_order())
    assert model.output_shape == (None, None, 3)


def test_nested_sequential_that_ends_in_a_recurrence() -> None:
    inner = nn.Sequential(nn.Linear(5, 6), nn.ReLU())
    module = nn.Sequential(inner, nn.LSTM(6, 4, batch_first=True))
    model = assert_same_answers(module, random(3, 7, 5))
    assert [layer.name for layer in model.layers[:4]] == [
        "input",
        "linear_0_0",
        "relu_0_1",
        "lstm_1",
    ]


def test_subclass_without_a_forward_of_its_own() -> None:
    class Head(nn.Sequential):
        pass

    assert_same_answers(Head(nn.Linear(5, 4), nn.Tanh()), random(3, 5))
    assert_same(
        rnnext.from_torch(nn.ModuleList([nn.ReLU()]), input_shape=(5,))(random(3, 5).numpy()),
        random(3, 5).relu(),
    )


def test_one_module_twice() -> None:
    shared = nn.Linear(4, 4)
    assert_same_answers(nn.Sequential(shared, nn.Tanh(), shared), random(3, 4))


def test_flatten_and_batch_norm() -> None:
    norm = nn.BatchNorm1d(2)
    norm.running_mean, norm.running_var = torch.tensor([0.5, -1.0]), torch.tensor([0.3, 2.0])
    module = nn.Sequential(nn.Linear(5, 4), nn.Flatten(), nn.Linear(12, 2), norm)
    model = assert_same_answers(module, random(3, 3, 5), input_shape=(3, 5))
    assert model.input_shape == (None, 3, 5)


def test_cells_one_after_the_other() -> None:
    first, second = nn.LSTMCell(5, 4), nn.GRUCell(4, 3)
    model = rnnext.from_torch([first, second, nn.Tanh()])
    x = random(6, 5)
    assert_same(model(x.numpy()), torch.tanh(second(first(x)[0])))


POINTWISE = [
    nn.Tanh(),
    nn.ReLU(),
    nn.ReLU6(),
    nn.Sigmoid(),
    nn.SiLU(),
    nn.GELU(),
    nn.GELU("tanh"),
    nn.ELU(0.7),
    nn.CELU(0.7),
    nn.SELU(),
    nn.LeakyReLU(0.2),
    nn.Mish(),
    nn.Softplus(),
    nn.Softsign(),
    nn.Softmax(-1),
    nn.LogSoftmax(2),
    nn.LogSigmoid(),
    nn.Hardsigmoid(),
    nn.Hardswish(),
    nn.Hardtanh(),
    nn.Hardshrink(0.3),
    nn.Softshrink(0.3),
    nn.Tanhshrink(),
    nn.Threshold(0.1, -2.0),
    nn.PReLU(),
    nn.LayerNorm(5, eps=0.1),
    nn.LayerNorm(5, elementwise_affine=False),
    nn.LayerNorm(5, bias=False),
    nn.Linear(5, 2, bias=False),
    nn.Identity(),
    nn.Dropout(0.5),
    nn.Dropout1d(0.5),
    nn.AlphaDropout(0.5),
]


@pytest.mark.parametrize("module", POINTWISE, ids=str)
def test_module_without_recurrence(module: Any) -> None:
    x = 3 * random(2, 4, 5)
    assert_same_answers(module, x, input_shape=(None, 5))
    # torch adds eps to the variance in another order: one more rounding in LayerNorm
    double = with_random_parameters(module.double())
    model = rnnext.from_torch([double, nn.Identity()], input_shape=(4, 5))
    assert model(x.double().numpy()).shape == double(x.double()).shape


# A model like any other --------------------------------------------------------------------------


def test_parameters_are_copies() -> None:
    module = with_random_parameters(nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 3)))
    model = rnnext.from_torch(module)
    ids = np.array([[1, 8]])
    before = model(ids)
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    np.testing.assert_array_equal(model(ids), before)


def test_summary_names_the_modules() -> None:
    lines: list[str] = []
    model = rnnext.from_torch([nn.Embedding(9, 4), nn.LSTM(4, 3, num_layers=2)], take="last")
    model.summary(print_fn=lines.append)
    assert all(name in lines[0] for name in ("embedding_0", "lstm_1_l0", "lstm_1_l1"))
    assert model.count_params() == 9 * 4 + 2 * 4 * 3 * (4 + 3 + 2) - 4 * 3 * 2 - 4 * 3 * 1


@pytest.mark.parametrize("options", [{}, {"initial_state": True}])
@pytest.mark.parametrize("batch_first", [True, False])
def test_saved_file_opens_in_rnnext_and_keras(
    options: dict[str, Any], batch_first: bool, tmp_path: Path
) -> None:
    keras = load_keras()
    module = nn.LSTM(5, 7, num_layers=2, bidirectional=True, batch_first=batch_first)
    with_random_parameters(module)
    model = rnnext.from_torch(module, **options)
    model.save(tmp_path / "m.keras")
    x, h = random(4, 6, 5).numpy(), random(4, 4 if batch_first else 6, 7).numpy()
    inputs = (x, (h, h)) if options else x
    expected = flat(model(inputs))
    again = rnnext.load_model(tmp_path / "m.keras")
    for y, reference in zip(flat(again(inputs)), expected, strict=True):
        np.testing.assert_array_equal(y, reference)
    theirs = keras.models.load_model(tmp_path / "m.keras")
    for y, reference in zip(flat(theirs(inputs)), expected, strict=True):
        np.testing.assert_allclose(y, reference, rtol=0, atol=1e-6, strict=True)


@pytest.mark.parametrize("take", ["sequence", "last", "state"])
def test_saved_stack_opens_in_keras(take: str, tmp_path: Path) -> None:
    keras = load_keras()
    pointwise = [nn.GELU("tanh"), nn.CELU(0.5), nn.PReLU(), nn.LeakyReLU(), nn.LogSoftmax(-1)]
    parts = [*Tagger(take, True, True).modules_in_order(), *pointwise]
    with_random_parameters(nn.ModuleList(parts))
    model = rnnext.from_torch(parts, take=take)
    model.save(tmp_path / "m.keras")
    ids = np.array([[3, 7, 1], [29, 0, 2]])
    theirs = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(theirs(ids), model(ids), rtol=0, atol=1e-6, strict=True)


# Refusals ----------------------------------------------------------------------------------------


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(5, 4), nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.fc(self.lstm(x)[0])


def hooked() -> Any:
    module = nn.Linear(5, 4)
    module.register_forward_hook(lambda *_: None)
    return module


def parametrized() -> Any:
    return nn.utils.parametrizations.weight_norm(nn.Linear(5, 4))


LSTM, TIME_MAJOR = nn.LSTM(5, 4, batch_first=True), nn.LSTM(4, 4)
REFUSED = {
    "class with a forward": (
        [nn.ReLU(), Net()],
        {},
        r"module '1' \(Net\): it has a forward of its own.*\(it has \['lstm', 'fc'\]\)",
    ),
    "unknown module": (
        nn.Sequential(nn.Sequential(nn.Conv2d(5, 4, 3)), nn.ReLU()),
        {},
        r"module '0\.0' \(Conv2d\): nn\.Conv2d is not supported; accepted: RNN, LSTM, GRU, .*Tanh",
    ),
    "hooks": (hooked(), {}, r"module Linear: it has forward hooks, which rnnext cannot run"),
    "parametrization": (parametrized(), {}, r"Linear: it has the parameters \['bias', 'param"),
    "half": (nn.GRU(5, 4).half(), {}, r"module GRU: its parameters are float16; float32 or"),
    "mixed": (
        [nn.Linear(5, 4), nn.Linear(4, 3).double()],
        {},
        r"'1' \(Linear\): its parameters are float64, those before it float32",
    ),
    "meta": (
        nn.Linear(5, 4, device="meta"),
        {},
        r"on the device 'meta', where they have no values",
    ),
    "softmax over time": ([LSTM, nn.Softmax(1)], {}, r"dim=1 is not supported, only -1 or 2"),
    "hardtanh": (nn.Hardtanh(-2, 2), {"input_shape": (3,)}, r"min_val=-2.* only -1\.0"),
    "layer norm": (
        nn.LayerNorm([3, 5]),
        {"input_shape": (None, 5)},
        r"normalized_shape=\(3, 5\) must be the last sizes .* the shape \(None, None, 5\)",
    ),
    "batch norm over time": (
        [LSTM, nn.BatchNorm1d(4)],
        {},
        r"takes \(B, C\) or \(B, C, L\) with C=4, received the shape \(None, None, 4\)",
    ),
    "flatten of unknown length": (
        [LSTM, nn.Flatten()],
        {},
        r"Flatten\): the sizes .* input_shape=",
    ),
    "flatten joins samples": (
        [TIME_MAJOR, nn.Flatten()],
        {},
        r"with batch_first=False it would join samples",
    ),
    "two layouts": ([LSTM, TIME_MAJOR], {}, r"some recurrent modules have batch_first=True"),
    "sequence into a cell": (
        [LSTM, nn.GRUCell(4, 3)],
        {},
        r"it takes \(B, D\), received the shape",
    ),
    "step into a sequence": (
        [nn.GRUCell(5, 5), LSTM],
        {"input_shape": (5,)},
        r"it takes a sequence \(B, T, D\), received the shape \(None, 5\)",
    ),
    "states of two": (
        [LSTM, nn.GRU(4, 3, batch_first=True)],
        {"initial_state": True},
        r"needs exactly one recurrent module, received 2",
    ),
    "take": (LSTM, {"take": "first"}, r"take must be one of .*'state'\), received 'first'"),
    "nothing to take": (nn.Linear(5, 4), {"take": "last"}, r"take='last', but no module is rec"),
    "no sequence": (nn.Linear(5, 4), {"batch_first": True}, r"but no module takes a sequence"),
    "no size": (nn.ReLU(), {}, r"no module tells the size of its input; pass input_shape="),
    "nothing": ([], {}, r"there is no module in what was passed"),
    "no module": ([LSTM, "x"], {}, r"expected a torch\.nn\.Module .*; item '1' is 'str'"),
    "none at all": (None, {}, r"expected a torch\.nn\.Module .*; received 'NoneType'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    module, options, message = REFUSED[case]
    with pytest.raises(UnsupportedError, match=message):
        rnnext.from_torch(module, **options)
