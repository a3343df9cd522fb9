"""from_torch of classes with a forward of their own, beside torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext import nest
from rnnext.errors import ShapeError, UnsupportedError

torch = pytest.importorskip("torch")
nn = torch.nn
F = nn.functional


class LastStep(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, kind: str = "LSTM", **options: Any) -> None:
        super().__init__()
        self.rnn = getattr(nn, kind)(3, 4, **options)
        self.head = nn.Linear(8 if options.get("bidirectional") else 4, 2)

    def forward(self, x: Any) -> Any:
        output, _ = self.rnn(x)
        return self.head(output[:, -1, :] if self.rnn.batch_first else output[-1])


class Sentiment(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 4, padding_idx=0)
        self.lstm = nn.LSTM(4, 6, num_layers=2, batch_first=True, bidirectional=True, dropout=0.3)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(12, 1)

    def forward(self, ids: Any) -> Any:
        _, (h, _c) = self.lstm(self.words(ids))
        h = torch.cat([h[-2, :, :], h[-1]], dim=1)
        return torch.sigmoid(self.head(self.dropout(h))).squeeze(1)


class FromZeros(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.lstm = 4, nn.LSTM(3, 4, 2, batch_first=True)
        self.head = nn.Linear(4, 1)

    def forward(self, x: Any) -> Any:
        h_0 = torch.zeros(2, x.size(0), self.hidden).requires_grad_()
        c_0 = torch.zeros(2, x.shape[0], self.hidden, device=x.device)
        output, (h_n, _) = self.lstm(x, (h_0.detach(), c_0))
        return self.head(output[:, -1]), h_n


class Convolution(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.normal = nn.Conv1d(3, 4, 3, padding=1), nn.BatchNorm1d(4)
        self.gru = nn.GRU(4, 5, batch_first=True)
        self.head = nn.Linear(5, 2)

    def forward(self, x: Any) -> Any:
        x = F.relu(self.normal(self.conv(x.permute(0, 2, 1)))).transpose(1, 2)
        if self.training:
            x = x + torch.randn(1)
        output, _ = self.gru(F.dropout(x, 0.2, training=self.training))
        return F.log_softmax(self.head(output[:, -1]), dim=1)


class Attention(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True, bidirectional=True)
        self.score = nn.Sequential(nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 1, bias=False))
        self.scale = nn.Parameter(torch.tensor([2.0, -1.0]))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Any) -> Any:
        output, _ = self.gru(x)
        weights = torch.softmax(self.score(output), dim=1)
        context = (weights * output).sum(1)
        return {"y": self.head(context) * self.scale, "weights": weights.squeeze(-1)}


class Pooled(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(3, 4, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(12, 1)

    def forward(self, x: Any) -> Any:
        output, h = self.rnn(x)
        pooled = [output.mean(dim=1), output.max(1)[0], h.squeeze(0)]
        return torch.tanh(self.head(torch.cat(pooled, -1))).view(-1)


class Decoder(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(3, 4, batch_first=True)
        self.decoder = nn.LSTM(2, 4, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, source: Any, target: Any) -> Any:
        _, states = self.encoder(source)
        output, _ = self.decoder(target, states)
        return self.head(output)


class Repeated(nn.Module):  # type: ignore[misc, name-defined]
    """An autoencoder: the last state, for every step."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.GRU(3, 4, batch_first=True), nn.GRU(4, 3, batch_first=True)

    def forward(self, x: Any) -> Any:
        _, h = self.encoder(x)
        y, _ = self.decoder(h[-1].unsqueeze(1).repeat(1, x.size(1), 1))
        return y


class Flat(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(3, 4, batch_first=True), nn.Linear(24, 2)

    def forward(self, x: Any) -> Any:
        output, _ = self.gru(x)
        return self.head(F.gelu(output.reshape(output.size(0), -1)))


class TimeFirstInside(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(3, 4), nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        output, _ = self.lstm(x.permute(1, 0, 2))
        return self.head(output[-1])


class TimeFirstIds(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.words, self.gru = nn.Embedding(10, 3), nn.GRU(3, 4)

    def forward(self, ids: Any) -> Any:
        return self.gru(self.words(ids))[0]


class Cell(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)

    def forward(self, x: Any) -> Any:
        h, c = self.cell(x)
        h, c = self.cell(x, (h, c))
        return h - c * 0.5


SEQUENCE = (None, 3)
CASES: dict[str, tuple[Any, Any, list[tuple[int, ...]]]] = {
    "LSTM": (lambda: LastStep(batch_first=True), None, [(4, 6, 3)]),
    "GRU, both directions": (
        lambda: LastStep("GRU", batch_first=True, bidirectional=True),
        None,
        [(4, 6, 3)],
    ),
    "time first": (lambda: LastStep("RNN"), None, [(40, 4, 3)]),
    "states of zeros": (FromZeros, None, [(4, 6, 3)]),
    "convolution": (Convolution, SEQUENCE, [(4, 6, 3)]),
    "attention": (Attention, None, [(4, 6, 3)]),
    "pooling": (Pooled, None, [(4, 6, 3)]),
    "two inputs": (Decoder, None, [(4, 6, 3), (4, 5, 2)]),
    "repeated": (Repeated, (6, 3), [(4, 6, 3)]),
    "flat": (Flat, (6, 3), [(4, 6, 3)]),
    "time first inside": (TimeFirstInside, (6, 3), [(40, 6, 3)]),
    "cell": (Cell, None, [(4, 3)]),
    "float64": (lambda: LastStep(batch_first=True).double(), None, [(4, 6, 3)]),
}


def inputs_of(module: Any, shapes: list[tuple[int, ...]]) -> list[Any]:
    dtype = next(module.parameters()).dtype
    return [torch.randn(shape, dtype=dtype, generator=seeded()) for shape in shapes]


def seeded() -> Any:
    return torch.Generator().manual_seed(3)


def answers(module: Any, *inputs: Any) -> list[Any]:
    modes = [inner.training for inner in module.modules()]
    module.eval()
    with torch.no_grad():
        found = [y.numpy() for y in nest.flatten(module(*inputs))]
    for inner, mode in zip(module.modules(), modes, strict=True):
        inner.training = mode
    return found


def assert_close(received: Any, expected: list[Any]) -> None:
    flat = nest.flatten(received)
    assert [y.shape for y in flat] == [y.shape for y in expected]
    for y, right in zip(flat, expected, strict=True):
        assert y.dtype == right.dtype
        np.testing.assert_allclose(y, right, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", CASES)
def test_forward(name: str, tmp_path: Path) -> None:
    make, shape, shapes = CASES[name]
    module = make()
    inputs = inputs_of(module, shapes)
    model = rnnext.from_torch(module, input_shape=shape)
    expected = answers(module, *inputs)
    assert_close(model(*inputs), expected)
    arrays = [x.numpy() for x in inputs]
    x = arrays if len(arrays) > 1 else arrays[0]
    assert_close(model.predict(x), expected)
    model.save(tmp_path / "m.keras")
    loaded = rnnext.load_model(tmp_path / "m.keras")
    assert_close(loaded(x), expected)


def test_ids() -> None:
    module = Sentiment()
    ids = torch.randint(0, 10, (7, 9), generator=seeded())
    model = rnnext.from_torch(module)
    assert_close(model(ids), answers(module, ids))
    assert_close(model.predict(ids.numpy(), batch_size=2), answers(module, ids))


def test_outputs_are_nested_as_the_modules() -> None:
    x = torch.randn(2, 5, 3, generator=seeded())
    assert list(rnnext.from_torch(Attention())(x)) == ["y", "weights"]
    y, h_n = rnnext.from_torch(FromZeros())(x)
    assert (y.shape, h_n.shape) == ((2, 1), (2, 2, 4))


def test_ids_with_time_first() -> None:
    module = TimeFirstIds()
    ids = torch.randint(0, 10, (7, 4), generator=seeded())
    model = rnnext.from_torch(module, input_shape=(7,))
    assert model.input_shape == (7, None)
    assert_close(model(ids), answers(module, ids))
    assert_close(model.predict(ids.numpy()), answers(module, ids))


@pytest.mark.parametrize(
    ("name", "first"), [("LSTM", True), ("time first inside", False), ("time first", False)]
)
def test_predict_cuts_batches_only_where_samples_come_first(name: str, first: bool) -> None:
    make, shape, shapes = CASES[name]
    module = make()
    (x,) = inputs_of(module, shapes)
    model = rnnext.from_torch(module, input_shape=shape)
    if first:
        assert_close(model.predict(x.numpy(), batch_size=3), answers(module, x))
        return
    with pytest.raises(UnsupportedError, match="not on the first axis; leave batch_size out"):
        model.predict(x.numpy(), batch_size=3)


def test_the_module_is_left_as_it_was() -> None:
    module = Convolution().train()
    module.gru.eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    rnnext.from_torch(module, input_shape=SEQUENCE)
    assert (module.training, module.conv.training, module.gru.training) == (True, True, False)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])


# Errors ------------------------------------------------------------------------------------------


class Forward(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.gru, self.function = nn.GRU(3, 4, batch_first=True), function

    def forward(self, x: Any) -> Any:
        return self.function(self.gru(x)[0])


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (torch.flip, r"torch.fx cannot read its forward \(TypeError"),
        (lambda y: torch.cumsum(y, 1), "its forward calls 'cumsum', which rnnext does not trans"),
        (lambda y: y if y.sum() > 0 else -y, r"torch.fx cannot read its forward \(TraceError"),
        (lambda y: F.softplus(y, beta=3.0), "its model returned other answers"),
        (lambda y: y.view(y.size(0), y.size(1), 2, -1), "calls 'view': a reshape to several size"),
        (lambda y: torch.max(y, y), "calls 'max': a maximum or minimum of two tensors"),
    ],
)
def test_what_is_not_translated(function: Any, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        rnnext.from_torch(Forward(function))


def test_options_of_lists_are_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"take=, initial_state= and batch_first= are for l"):
        rnnext.from_torch(LastStep(batch_first=True), take="last")


def test_input_shapes() -> None:
    with pytest.raises(UnsupportedError, match=r"no module tells the shape of its input 'x'; pass"):
        rnnext.from_torch(Convolution())
    with pytest.raises(UnsupportedError, match="takes 2 inputs, input_shape has 1 shapes"):
        rnnext.from_torch(Decoder(), input_shape=[(None, 3)])
    with pytest.raises(ShapeError, match=r"expects an input with 3 axes .* received shape"):
        rnnext.from_torch(LastStep(batch_first=True), input_shape=(5, 7, 3))
    with pytest.raises(UnsupportedError, match="calls 'repeat': a number of repeats that is not k"):
        rnnext.from_torch(Repeated())
    model = rnnext.from_torch(Decoder(), input_shape=[(6, 3), (5, 2)])
    assert model.input_shape == [(None, 6, 3), (None, 5, 2)]


class Constant(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True)

    def forward(self, x: Any) -> Any:
        output, self.state = self.gru(x)
        return output + torch.arange(4.0)


def test_attributes_that_the_forward_sets_are_as_before() -> None:
    module = Constant()
    x = torch.randn(2, 5, 3, generator=seeded())
    expected = answers(module, x)
    before = dict(vars(module))
    assert_close(rnnext.from_torch(module)(x), expected)
    assert vars(module).keys() == before.keys()
    assert all(vars(module)[name] is value for name, value in before.items())


def test_hooks_are_refused() -> None:
    module = LastStep(batch_first=True)
    module.register_forward_hook(lambda _module, _args, output: 2 * output)
    with pytest.raises(UnsupportedError, match="it has forward hooks"):
        rnnext.from_torch(module)
