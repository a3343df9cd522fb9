"""rnnext.torch beside torch.nn: answers, gradients, training, copies, refusals.

Skipped without torch, which no extra but `torch` installs.
"""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import rnnext
from rnnext.errors import DataError, ShapeError, UnsupportedError

torch = pytest.importorskip("torch")
ours = pytest.importorskip("rnnext.torch")
nn = torch.nn
rnn_utils = torch.nn.utils.rnn

KINDS = {
    "LSTM": ("LSTM", {}),
    "GRU": ("GRU", {}),
    "tanh": ("RNN", {}),
    "relu": ("RNN", {"nonlinearity": "relu"}),
}
kinds = pytest.mark.parametrize("kind", KINDS)
LENGTHS = [2, 4, 1]


def pair(kind: str, *sizes: int, **options: Any) -> tuple[Any, Any]:
    """torch's module and rnnext's, made after the same seed."""
    name, more = KINDS[kind]
    made = []
    for library in (nn, ours):
        torch.manual_seed(3)
        made.append(getattr(library, name)(*sizes, **more, **options))
    return made[0], made[1]


def random(*shape: int, dtype: Any = None) -> Any:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, dtype=dtype)


def flat(results: Any) -> list[Any]:
    """The tensors that a module returns."""
    output, states = results
    output = output.data if isinstance(output, rnn_utils.PackedSequence) else output
    return [output, *(states if isinstance(states, tuple) else (states,))]


def states_of(module: Any, batch: int, dtype: Any = None) -> list[Any]:
    runs = module.num_layers * (2 if module.bidirectional else 1)
    count = 2 if module.mode == "LSTM" else 1
    sizes = (module.proj_size or module.hidden_size, module.hidden_size)[:count]
    return [random(runs, batch, size, dtype=dtype) + k for k, size in enumerate(sizes)]


def as_hx(states: list[Any]) -> Any:
    return tuple(states) if len(states) == 2 else states[0] if states else None


def assert_as_close_as_torch(mine: list[Any], theirs: list[Any], exact: list[Any]) -> None:
    """Errors against float64 are no larger than torch's own, up to a few roundings."""
    for a, b, reference in zip(mine, theirs, exact, strict=True):
        assert a.shape == b.shape
        scale = max(1.0, reference.abs().max().item())
        error, of_torch = ((each.double() - reference).abs().max().item() for each in (a, b))
        assert error <= of_torch + 1e-6 * scale


# Parameters -----------------------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parameters_are_torchs(kind: str, dtype: Any) -> None:
    theirs, mine = pair(kind, 3, 5, num_layers=2, bidirectional=True, dtype=dtype)
    expected, found = theirs.state_dict(), mine.state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert repr(mine) == repr(theirs)
    assert isinstance(mine, type(theirs))
    other = type(mine)(3, 5, num_layers=2, bidirectional=True, dtype=dtype)
    if kind != "relu":
        other.load_state_dict(expected)
        theirs.load_state_dict(other.state_dict())


# Answers and gradients -------------------------------------------------------------------------


def course(module: Any, x: Any, states: list[Any], use: str) -> list[Any]:
    """What a module returns, and the gradients of everything, through what `use` says."""
    for parameter in module.parameters():
        parameter.grad = None
    data = x.data if isinstance(x, rnn_utils.PackedSequence) else x
    leaf = data.detach().clone().requires_grad_()
    given = rnn_utils.PackedSequence(leaf, *x[1:]) if data is not x else leaf
    states = [state.clone().requires_grad_() for state in states]
    results = flat(module(given, as_hx(states)))
    used = {"all": results, "output": results[:1], "h_n": results[1:2], "last": results[-1:]}[use]
    sum((each * torch.sin(each)).sum() * (k + 1) for k, each in enumerate(used)).backward()
    leaves = [leaf, *states, *module.parameters()]
    gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in leaves]
    return [each.detach() for each in results] + gradients


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize(
    ("kind", "proj_size"), [*((kind, 0) for kind in KINDS), ("LSTM", 2), ("LSTM", 4)]
)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("num_layers", "bidirectional"), [(1, False), (1, True), (2, True)])
@pytest.mark.parametrize("form", ["time first", "batch first", "packed", "unsorted", "unbatched"])
@pytest.mark.parametrize("with_states", [True, False])
def test_answers_and_gradients(
    kind: str,
    proj_size: int,
    bias: bool,
    num_layers: int,
    bidirectional: bool,
    form: str,
    with_states: bool,
) -> None:
    options = {"bias": bias, "num_layers": num_layers, "bidirectional": bidirectional}
    if proj_size:
        options["proj_size"] = proj_size
    theirs, mine = pair(kind, 3, 5, batch_first=form == "batch first", **options)
    x = random(4, 3) if form == "unbatched" else random(4, 3, 3)
    if form in ("packed", "unsorted"):
        lengths = LENGTHS if form == "unsorted" else sorted(LENGTHS, reverse=True)
        x = rnn_utils.pack_padded_sequence(x, lengths, enforce_sorted=form == "packed")
    states = states_of(theirs, 4 if form == "batch first" else 3) if with_states else []
    if form == "unbatched":
        states = [state[:, 0] for state in states]
    exact = copy.deepcopy(theirs).double()
    wide = x.double() if isinstance(x, torch.Tensor) else x.to(torch.float64)
    for use in ("all", "output", "h_n", "last"):
        assert_as_close_as_torch(
            course(mine, x, states, use),
            course(theirs, x, states, use),
            course(exact, wide, [state.double() for state in states], use),
        )
    with torch.no_grad():
        for a, b in zip(flat(mine(x, as_hx(states))), flat(theirs(x, as_hx(states))), strict=True):
            assert a.shape == b.shape
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("kind", "proj_size"), [*((kind, 0) for kind in KINDS), ("LSTM", 2)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("num_layers", "bidirectional"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize("form", ["time first", "batch first", "packed"])
@pytest.mark.parametrize("with_states", [True, False])
def test_gradcheck(
    kind: str,
    proj_size: int,
    bias: bool,
    num_layers: int,
    bidirectional: bool,
    form: str,
    with_states: bool,
) -> None:
    options = {"bias": bias, "num_layers": num_layers, "bidirectional": bidirectional}
    if proj_size:
        options["proj_size"] = proj_size
    options.update(batch_first=form == "batch first", dtype=torch.float64)
    _, module = pair(kind, 2, 3, **options)
    states = states_of(module, 3, torch.float64) if with_states else []
    parameters = dict(module.named_parameters())
    x = random(3, 3, 2, dtype=torch.float64)

    def run(x: Any, *leaves: Any) -> Any:
        if form == "packed":
            x = rnn_utils.pack_padded_sequence(x, [2, 3, 1], enforce_sorted=False)
        values = dict(zip(parameters, leaves[len(states) :], strict=True))
        hx = as_hx(list(leaves[: len(states)]))
        return tuple(flat(torch.func.functional_call(module, values, (x, hx))))

    leaves = [x, *states, *parameters.values()]
    leaves = [leaf.detach().clone().requires_grad_() for leaf in leaves]
    assert torch.autograd.gradcheck(run, leaves)


@pytest.mark.parametrize("needs", ["x", "parameters"])
def test_differentiating_twice(needs: str) -> None:
    _, module = pair("LSTM", 3, 4)
    module.requires_grad_(needs == "parameters")
    x = random(5, 2, 3).requires_grad_(needs == "x")
    leaf = x if needs == "x" else module.weight_ih_l0
    for loss in (module(x)[0].sum(), module(x)[0].pow(2).sum()):
        (d_leaf,) = torch.autograd.grad(loss, leaf, create_graph=True)
        with pytest.raises(UnsupportedError, match="a gradient cannot be differentiated again"):
            d_leaf.sum().backward()


def test_backward_again() -> None:
    _, module = pair("GRU", 3, 4)
    loss = module(random(5, 2, 3))[0].sum()
    loss.backward(retain_graph=True)
    first = module.weight_hh_l0.grad.clone()
    loss.backward()
    assert torch.equal(module.weight_hh_l0.grad, 2 * first)
    with pytest.raises(RuntimeError, match="a second time"):
        loss.backward()


def test_frozen_parameters_get_no_gradient() -> None:
    _, module = pair("LSTM", 3, 4)
    module.weight_ih_l0.requires_grad_(False)
    module(random(5, 2, 3))[0].sum().backward()
    assert module.weight_ih_l0.grad is None
    assert module.weight_hh_l0.grad.abs().sum() > 0
    assert not module.requires_grad_(False)(random(5, 2, 3))[0].requires_grad


@pytest.mark.parametrize("kind", KINDS)
def test_mean_errors_are_no_larger_than_torchs(kind: str) -> None:
    """Against float64, over the output and all gradients."""
    theirs, mine = pair(kind, 8, 64, batch_first=True)
    exact, x = copy.deepcopy(theirs).double(), random(32, 50, 8)
    of_mine, of_torch, truth = (
        course(module, x.to(dtype), [], "output")
        for module, dtype in ((mine, None), (theirs, None), (exact, torch.float64))
    )
    ratios = [
        ((a.double() - reference).abs().mean() / (b.double() - reference).abs().mean()).item()
        for a, b, reference in zip(of_mine, of_torch, truth, strict=True)
    ]
    assert sum(ratios) / len(ratios) < 1.1, ratios


# Dropout ----------------------------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("form", ["time first", "batch first", "packed"])
@pytest.mark.parametrize("rate", [0.4, 1.0])
def test_dropout_draws_what_torch_draws(kind: str, form: str, rate: float) -> None:
    options = {"num_layers": 3, "dropout": rate, "bidirectional": True}
    both = pair(kind, 3, 5, batch_first=form == "batch first", **options)
    x = random(4, 3, 3)
    if form == "packed":
        x = rnn_utils.pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
    for training in (True, False):
        answers = []
        for module in both:
            torch.manual_seed(7)
            answers.append(flat(module.train(training)(x)))
        for a, b in zip(*answers, strict=True):
            torch.testing.assert_close(a, b)


# Parameters that change ------------------------------------------------------------------------


def changes() -> dict[str, Any]:
    def by_array(parameter: Any) -> None:
        parameter.detach().numpy()[...] *= 2

    def by_data(parameter: Any) -> None:
        parameter.data.mul_(2)

    def by_other_data(parameter: Any) -> None:
        parameter.data = parameter.data * 2

    def in_place(parameter: Any) -> None:
        with torch.no_grad():
            parameter.mul_(2)

    return {each.__name__: each for each in (by_array, by_data, by_other_data, in_place)}


@kinds
@pytest.mark.parametrize("change", changes())
def test_changed_parameters_take_effect(kind: str, change: str) -> None:
    theirs, mine = pair(kind, 3, 5)
    x = random(4, 2, 3)
    for grad in (torch.no_grad, contextlib.nullcontext):
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            with grad():
                mine(x)
                for module in (mine, theirs):
                    changes()[change](getattr(module, f"{part}_l0"))
                torch.testing.assert_close(mine(x)[0], theirs(x)[0])


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_course_of_training(kind: str) -> None:
    losses = []
    for recurrent in pair(kind, 2, 8, num_layers=2, dropout=0.2, batch_first=True):
        torch.manual_seed(5)
        head = nn.Linear(8, 1)
        optimizer = torch.optim.Adam([*recurrent.parameters(), *head.parameters()], lr=0.01)
        x = random(16, 10, 2)
        losses.append([])
        for _ in range(40):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(head(recurrent(x)[0][:, -1]), x.mean((1, 2))[:, None])
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    assert losses[1][-1] < 0.8 * losses[1][0]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3, atol=1e-5)


# Copies and tools ------------------------------------------------------------------------------


def saved_and_loaded(module: Any) -> Any:
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), saved_and_loaded]
)
def test_copies(copied: Any) -> None:
    _, module = pair("LSTM", 3, 5, num_layers=2)
    x = random(4, 2, 3)
    before = module(x)[0]
    other = copied(module)
    assert torch.equal(other(x)[0], before)
    with torch.no_grad():
        other.weight_hh_l1.zero_()
    assert not torch.equal(other(x)[0], before)
    assert torch.equal(module(x)[0], before)


def test_another_dtype() -> None:
    theirs, mine = pair("GRU", 3, 5)
    mine(random(4, 2, 3))
    x = random(4, 2, 3, dtype=torch.float64)
    assert mine.double()(x)[0].dtype == torch.float64
    torch.testing.assert_close(mine(x)[0], theirs.double()(x)[0])


@pytest.mark.parametrize("training", [True, False])
def test_compiled_nets_run_the_module_as_it_is(training: bool) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = pair("LSTM", 3, 5)[1]
            self.head = nn.Linear(5, 1)

        def forward(self, x: Any) -> Any:
            return self.head(self.recurrent(x)[0])

    torch.compiler.reset()
    net = Net()
    compiled = torch.compile(net, backend="eager")
    with torch.set_grad_enabled(training):
        for _ in range(3):
            x = random(4, 2, 3)
            torch.testing.assert_close(compiled(x), net(x))
            with torch.no_grad():
                net.recurrent.weight_hh_l0.mul_(2)


def test_from_torch_takes_the_modules() -> None:
    _, module = pair("LSTM", 3, 5, batch_first=True)
    x = random(2, 4, 3)
    with torch.no_grad():
        np.testing.assert_allclose(rnnext.from_torch(module)(x)[0], module(x)[0], atol=1e-6)


# Refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: ours.LSTM(3, 5, proj_size=2)(random(4, 2, 3), (random(1, 2, 5),) * 2),
            ShapeError,
            (
                "rnnext.torch.LSTM: h_0 must be (layers * directions, B, units) = (1, 2, 2), "
                "whatever batch_first is, received (1, 2, 5)."
            ),
        ),
        (
            lambda: ours.GRU(3, 5).bfloat16()(random(4, 2, 3).bfloat16()),
            UnsupportedError,
            (
                "rnnext.torch.GRU: weight_ih_l0 is torch.bfloat16 on cpu; accepted are "
                "torch.float32 and torch.float64 on the CPU."
            ),
        ),
        (
            lambda: ours.GRU(3, 5, device="meta")(random(4, 2, 3)),
            UnsupportedError,
            (
                "rnnext.torch.GRU: weight_ih_l0 is torch.float32 on meta; accepted are "
                "torch.float32 and torch.float64 on the CPU."
            ),
        ),
        (
            lambda: ours.GRU(3, 5)(random(4, 2, 3).long()),
            UnsupportedError,
            (
                "rnnext.torch.GRU: the input is torch.int64 on cpu; accepted are torch.float32 and "
                "torch.float64 on the CPU."
            ),
        ),
        (
            lambda: ours.GRU(3, 5)(random(4, 2, 3).double()),
            DataError,
            (
                "rnnext.torch.GRU: the input is torch.float64, the parameters are torch.float32; "
                "convert one of them with .to(dtype)."
            ),
        ),
        (
            lambda: ours.RNN(3, 5)(np.ones((4, 2, 3), "float32")),
            DataError,
            "rnnext.torch.RNN: the input must be a tensor or a PackedSequence, received ndarray.",
        ),
        (
            lambda: ours.RNN(3, 5)(random(4)),
            ShapeError,
            (
                "rnnext.torch.RNN: the input must be (T, B, D), or (T, D) for one sequence, "
                "received the shape (4,)."
            ),
        ),
        (
            lambda: ours.RNN(3, 5)(random(4, 2, 7)),
            ShapeError,
            "rnnext.torch.RNN: input_size is 3, received 7 features on the last axis.",
        ),
        (
            lambda: ours.RNN(3, 5)(random(0, 2, 3)),
            ShapeError,
            "rnnext.torch.RNN: the input has no step; at least one is needed.",
        ),
        (
            lambda: ours.LSTM(3, 5)(random(4, 2, 3), random(1, 2, 5)),
            DataError,
            "rnnext.torch.LSTM: the states must be the pair (h_0, c_0), received Tensor.",
        ),
        (
            lambda: ours.GRU(3, 5)(random(4, 2, 3), (random(1, 2, 5),)),
            DataError,
            "rnnext.torch.GRU: h_0 must be a tensor, received tuple of 1.",
        ),
        (
            lambda: ours.GRU(3, 5)(random(4, 2, 3), random(1, 2, 5).double()),
            DataError,
            (
                "rnnext.torch.GRU: h_0 is torch.float64 on cpu, the input is torch.float32 on cpu; "
                "they must be the same."
            ),
        ),
        (
            lambda: ours.GRU(3, 5, batch_first=True)(random(4, 2, 3), random(1, 2, 5)),
            ShapeError,
            (
                "rnnext.torch.GRU: h_0 must be (layers * directions, B, units) = (1, 4, 5), "
                "whatever batch_first is, received (1, 2, 5)."
            ),
        ),
        (
            lambda: ours.GRU(3, 5)(random(4, 3), random(1, 1, 5)),
            ShapeError,
            (
                "rnnext.torch.GRU: h_0 must have 2 axes, as the input has, received the shape "
                "(1, 1, 5)."
            ),
        ),
        (
            lambda: torch.jit.trace(ours.GRU(3, 5), random(4, 2, 3)),
            UnsupportedError,
            (
                "rnnext.torch.GRU: torch.jit and torch.export cannot record it; use torch's "
                "module there."
            ),
        ),
        (
            lambda: torch.jit.script(ours.GRU(3, 5)),
            UnsupportedError,
            (
                "rnnext.torch.GRU: torch.jit and torch.export cannot record it; use torch's "
                "module there."
            ),
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch.jit's
def test_refusals(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == words


# Fast and slow ways of a call ------------------------------------------------------------------


def test_bits_do_not_depend_on_whether_gradients_are_wanted() -> None:
    for kind, directions in itertools.product(KINDS, [False, True]):
        _, module = pair(kind, 3, 5, bidirectional=directions)
        x = random(6, 3, 3)
        with torch.no_grad():
            expected = module(x)[0]
        assert torch.equal(module(x)[0], expected)


def test_it_comes_when_it_is_asked_for() -> None:
    code = "import sys, rnnext; before = 'torch' in sys.modules; rnnext.torch; print(before)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
