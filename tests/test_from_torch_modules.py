"""rnnext.from_torch of the modules around a recurrence: convolution, pooling, attention, ..."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_reference import load_keras

import rnnext
from rnnext.errors import DataError, ShapeError, UnsupportedError

torch = pytest.importorskip("torch")
nn = torch.nn


def random(*shape: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def assert_same(outputs: Any, expected: Any) -> None:
    ours, theirs = (y if isinstance(y, tuple) else (y,) for y in (outputs, expected))
    assert len(ours) == len(theirs)
    for y, reference in zip(ours, theirs, strict=True):
        if reference is None:
            assert y is None
        else:
            np.testing.assert_allclose(
                y, reference.detach().numpy(), rtol=0, atol=3e-6, strict=True
            )


X = random(3, 8, 20)  # (B, C, L)

CONVOLUTIONS: list[dict[str, Any]] = [
    {},
    {"stride": 2},
    {"padding": 2},
    {"padding": "same", "dilation": 2},
    {"padding": "valid", "bias": False},
    {"groups": 2, "padding": 1},
    {"groups": 8, "dilation": 3},
    {"stride": 3, "dilation": 2, "padding": 3},
]


@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("size", [1, 3, 4])
def test_conv1d(size: int, options: dict[str, Any]) -> None:
    module = nn.Conv1d(8, 16, size, **options)
    model = rnnext.from_torch(module)
    assert_same(model(X), module(X))
    assert_same(model(X[0]), module(X[0]))
    assert model.input_shape == (None, 8, None)


POOLS = [
    nn.MaxPool1d(2),
    nn.MaxPool1d(3, stride=2, padding=1),
    nn.AvgPool1d(3),
    nn.AvgPool1d(3, stride=1, padding=1),
    nn.AdaptiveAvgPool1d(1),
    nn.AdaptiveMaxPool1d(1),
    nn.AdaptiveAvgPool1d(5),
    nn.AdaptiveMaxPool1d(7),
]


@pytest.mark.parametrize("module", POOLS, ids=str)
def test_pooling(module: Any) -> None:
    model = rnnext.from_torch(module, input_shape=(8, 20))
    assert_same(model(X), module(X))
    assert_same(model(X[0]), module(X[0]))


def test_convolution_before_a_recurrence(tmp_path: Path) -> None:
    conv, norm, pool = nn.Conv1d(8, 6, 3, padding=1), nn.BatchNorm1d(6), nn.MaxPool1d(2)
    norm.running_mean, norm.running_var = random(6), random(6).abs() + 0.5
    lstm, head = nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 2)
    front = nn.Sequential(conv, norm, nn.ReLU(), pool).eval()
    model = rnnext.from_torch([front, (0, 2, 1), lstm, head], take="last")
    expected = head(lstm(front(X).permute(0, 2, 1))[0][:, -1])
    assert_same(model(X), expected)
    model.save(tmp_path / "m.keras")
    theirs = load_keras().models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(theirs(X.numpy()), expected.detach(), rtol=0, atol=3e-6)


def test_sequential_passes_on_torchs_axes() -> None:
    module = nn.Sequential(
        nn.Conv1d(8, 6, 3), nn.ReLU(), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(54, 3)
    )
    assert_same(rnnext.from_torch(module, input_shape=(8, 20))(X), module(X))


@pytest.mark.parametrize("norm_type", [1.0, 2.0])
def test_embedding_with_max_norm(norm_type: float) -> None:
    module = nn.Embedding(9, 4, padding_idx=0, max_norm=0.8, norm_type=norm_type)
    model = rnnext.from_torch(module)
    ids = torch.arange(9).reshape(3, 3)
    assert_same(model(ids), module(ids))
    assert_same(model(ids[0]), module(ids[0]))


def test_layer_norm_over_several_axes() -> None:
    module = nn.LayerNorm((8, 20))
    nn.init.uniform_(module.weight)
    nn.init.uniform_(module.bias)
    assert_same(rnnext.from_torch(module)(X), module(X))


def test_linear_takes_any_axes_before() -> None:
    module = nn.Sequential(nn.Linear(20, 4), nn.Tanh(), nn.Softmax(-1))
    model = rnnext.from_torch(module)
    for x in (X, X[0], X[0, 0], X[None]):
        assert_same(model(x), module(x))


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("initial_state", [False, True])
def test_projected_lstm_opens_in_keras(initial_state: bool, tmp_path: Path) -> None:
    module = nn.LSTM(5, 6, 2, bidirectional=True, proj_size=3, batch_first=True)
    x, states = random(4, 7, 5), (random(4, 4, 3), random(4, 4, 6))
    model = rnnext.from_torch(module, initial_state=initial_state)
    inputs = (x.numpy(), tuple(s.numpy() for s in states)) if initial_state else x.numpy()
    output, (h, c) = module(x, states) if initial_state else module(x)
    model.save(tmp_path / "m.keras")
    for other in (model, load_keras().models.load_model(tmp_path / "m.keras")):
        y, last = other(inputs)
        for ours, reference in zip((y, *last), (output, h, c), strict=True):
            np.testing.assert_allclose(ours, reference.detach(), rtol=0, atol=3e-6)


def test_projection_without_independent_rows_takes_no_states() -> None:
    module = nn.LSTM(5, 6, proj_size=2)
    nn.init.ones_(module.weight_hr_l0)
    with pytest.raises(UnsupportedError, match=r"rows of weight_hr_l0 are nearly dependent"):
        rnnext.from_torch(module, initial_state=True)


# MultiheadAttention ------------------------------------------------------------------------------

PADDING = torch.zeros(3, 6, dtype=torch.bool)
PADDING[1, 4:] = True
BLIND = torch.zeros(4, 6, dtype=torch.bool)
BLIND[0, 3:] = True
BLIND_HEADS = BLIND.repeat(6, 1, 1)
BLIND_HEADS[2, 1, :2] = True
ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"key_padding_mask": PADDING},
    {"attn_mask": BLIND},
    {"attn_mask": torch.zeros(4, 6).masked_fill(BLIND, -torch.inf)},
    {"attn_mask": BLIND_HEADS, "key_padding_mask": PADDING},
    {"need_weights": False},
    {"average_attn_weights": False},
]
ATTENTIONS = list(itertools.product([True, False], [{}, {"bias": False}, {"kdim": 5, "vdim": 7}]))


def attention(batch_first: bool, options: dict[str, Any]) -> tuple[Any, list[Any]]:
    torch.manual_seed(0)
    module = nn.MultiheadAttention(8, 2, batch_first=batch_first, **options).eval()
    if module.in_proj_bias is not None:
        nn.init.uniform_(module.in_proj_bias)
        nn.init.uniform_(module.out_proj.bias)
    inputs = [random(3, 4, 8), random(3, 6, module.kdim), random(3, 6, module.vdim)]
    return module, inputs if batch_first else [x.transpose(0, 1) for x in inputs]


@pytest.mark.parametrize(("batch_first", "options"), ATTENTIONS, ids=str)
def test_attention(batch_first: bool, options: dict[str, Any]) -> None:
    module, inputs = attention(batch_first, options)
    model = rnnext.from_torch(module)
    for arguments in ARGUMENTS:
        assert_same(model(*inputs, **arguments), module(*inputs, **arguments))
    one = [x[0] if batch_first else x[:, 0] for x in inputs]
    assert_same(model(*one), module(*one))
    assert_same(model.predict([x.numpy() for x in inputs]), module(*inputs))


def test_saved_attention_opens_in_keras(tmp_path: Path) -> None:
    module, inputs = attention(True, {})
    rnnext.from_torch(module).save(tmp_path / "m.keras")
    theirs = load_keras().models.load_model(tmp_path / "m.keras")([x.numpy() for x in inputs])
    for y, reference in zip(theirs, module(*inputs), strict=True):
        np.testing.assert_allclose(y, reference.detach(), rtol=0, atol=3e-6)


@pytest.mark.parametrize("batch_first", [True, False])
def test_self_attention_in_a_list(batch_first: bool) -> None:
    lstm = nn.LSTM(5, 8, batch_first=batch_first)
    module, _ = attention(batch_first, {})
    head, x = nn.Linear(8, 2), random(3, 6, 5)
    model = rnnext.from_torch([lstm, module, head])
    h = lstm(x)[0]
    assert_same(model(x), head(module(h, h, h)[0]))


def test_wrong_calls_of_attention() -> None:
    module, (query, key, value) = attention(True, {})
    model = rnnext.from_torch(module)
    with pytest.raises(ShapeError, match=r"key_padding_mask must have the shape \(3, 6\), rec"):
        model(query, key, value, key_padding_mask=PADDING.T)
    with pytest.raises(ShapeError, match=r"attn_mask must have the shape \(4, 6\) or \(6, 4, 6\)"):
        model(query, key, value, attn_mask=BLIND.T)
    with pytest.raises(UnsupportedError, match=r"attn_mask of numbers other than 0 and -inf"):
        model(query, key, value, attn_mask=torch.ones(4, 6))
    with pytest.raises(DataError, match="no key to look at"):
        model(query, key, value, key_padding_mask=torch.ones(3, 6, dtype=torch.bool))
    with pytest.raises(ShapeError, match="as many samples"):
        model(query[:2], key, value)
    with pytest.raises(UnsupportedError, match="needs an attn_mask"):
        model(query, key, value, is_causal=True)


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "padding_mode": (
        nn.Conv1d(5, 4, 3, padding=1, padding_mode="reflect"),
        {},
        r"Conv1d: padding_mode='reflect' is not supported, only 'zeros'",
    ),
    "ceil": (nn.MaxPool1d(2, ceil_mode=True), {"input_shape": (3, 7)}, r"ceil_mode=True is not"),
    "indices": (nn.MaxPool1d(2, return_indices=True), {"input_shape": (3, 7)}, r"return_indices"),
    "dilated pool": (nn.MaxPool1d(2, dilation=2), {"input_shape": (3, 7)}, r"dilation=2 is not"),
    "borders": (
        nn.AvgPool1d(3, padding=1, count_include_pad=False),
        {"input_shape": (3, 7)},
        r"count_include_pad=False is not supported",
    ),
    "unknown length": (
        nn.AdaptiveAvgPool1d(3),
        {"input_shape": (3, None)},
        r"output_size=3 needs a known length .* pass input_shape=",
    ),
    "output_size": (
        nn.AdaptiveAvgPool1d(None),
        {"input_shape": (3, 7)},
        r"output_size=None is not supported, only an integer",
    ),
    "channels": (
        [nn.LSTM(5, 4, batch_first=True), nn.Conv1d(4, 3, 2)],
        {},
        r"takes \(B, C, L\) with C=4, .*exchanges axes, .* e\.g\. \(0, 2, 1\)",
    ),
    "time first": (
        [nn.Conv1d(5, 4, 3), (0, 2, 1), nn.LSTM(4, 3)],
        {},
        r"with batch_first=False its input would not have samples first; pass batch_first=True",
    ),
    "permute": (
        [nn.LSTM(5, 4, batch_first=True), (1, 0, 2)],
        {},
        r"item '1' \(1, 0, 2\): axes of a permute must be 0",
    ),
    "bias_kv": (nn.MultiheadAttention(8, 2, add_bias_kv=True), {}, r"add_bias_kv=True is not"),
    "zero_attn": (nn.MultiheadAttention(8, 2, add_zero_attn=True), {}, r"add_zero_attn=True"),
    "input_shape": (nn.LSTM(5, 4), {"input_shape": "ab"}, r"positive integers or None"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    module, options, message = REFUSED[case]
    with pytest.raises(UnsupportedError, match=message):
        rnnext.from_torch(module, **options)
