"""A module with a forward of its own: torch.fx reads it, Keras's layers and operations do the same.

The model is compared with the module before it is returned, on random inputs: what a table of
functions gets wrong is an error then.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnext import layers, nest
from rnnext.arrays import as_array
from rnnext.errors import RnnextError
from rnnext.graph.tensor import any_symbolic
from rnnext.interop.torch_functions import FUNCTIONS, States, Zeros, whole
from rnnext.interop.torch_layers import connect_plain, features_of, works_per_step
from rnnext.interop.torch_module import TorchModule, torch_class_name, without_gradient
from rnnext.interop.torch_recurrent import Recurrent
from rnnext.interop.torch_stack import supported_part, swapped
from rnnext.models.functional import Functional

__all__ = ["TorchGraphModel", "graph_model"]

_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
_BATCH, _STEPS = 3, 5  # of the inputs for which the module and the model are compared
# Of the answers' largest element. Both round each step to float32, in different orders.
_TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


class TorchGraphModel(Functional):
    """A model that is called as its module is: `model(x)`, `model(x, y)`, with arrays or tensors.

    It returns NumPy arrays, nested as what the module returns.
    """

    _saved_as = Functional

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """Returns what the torch module returns, with NumPy arrays in place of tensors."""
        if not any_symbolic(inputs):
            inputs = tuple(nest.map_structure(without_gradient, x) for x in inputs)
        return super().__call__(inputs[0] if len(inputs) == 1 else list(inputs), **kwargs)

    _builtin_call = __call__


def graph_model(source: TorchModule, input_shape: Any) -> TorchGraphModel:
    """Makes the model of a module whose class has a forward of its own.

    Args:
        source: The module.
        input_shape: Sizes of one sample; of several inputs a list of them. None: as the modules
            that the inputs are given to say.

    Raises:
        UnsupportedError: If torch.fx cannot read the forward, or it calls what rnnext does not
            have.
    """
    # Afterwards the module is as it was: a forward may set attributes, torch.fx keeps constants.
    before = [(module, dict(vars(module))) for module in source.module.modules()]
    try:
        source.module.eval()
        return _Translation(source, input_shape).model()
    finally:
        for module, attributes in before:
            vars(module).clear()
            vars(module).update(attributes)


class _Translation:
    """One walk over the steps of a forward."""

    def __init__(self, source: TorchModule, input_shape: Any) -> None:
        self._source = source
        self._graph = _traced(source)
        self._modules = dict(source.module.named_modules(remove_duplicate=False))
        self._parts: dict[str, Any] = {}
        self._values: dict[Any, Any] = {}
        self._dtype = source.dtype or "float32"
        self._axes: list[int] = []  # of the samples, input by input
        self._inputs = self._placeholders(input_shape)

    def model(self) -> TorchGraphModel:
        """The model, compared with the module."""
        outputs: Any = None
        for node in self._graph.nodes:
            if node.op == "output":
                outputs = nest.map_structure(whole, self._given(node.args[0]))
            elif node.op != "placeholder":
                self._values[node] = self._step(node)
        inputs = list(self._inputs)
        model = TorchGraphModel(inputs[0] if len(inputs) == 1 else inputs, outputs)
        samples_first = _compare(self._source, model, inputs, self._axes)
        if not samples_first and not model.network.samples_elsewhere:
            model.network.samples_elsewhere = self._source.label  # so predict does not cut batches
        return model

    # Inputs --------------------------------------------------------------------------------------

    def _placeholders(self, input_shape: Any) -> list[Any]:
        nodes = []
        for node in self._graph.nodes:
            if node.op == "placeholder":
                self._values[node] = None  # an argument that has a default
                if not node.args:
                    nodes.append(node)
        if input_shape is None:
            shapes: list[Any] = [self._shape_of(node) for node in nodes]
        else:
            shapes = [input_shape] if len(nodes) == 1 else list(input_shape)
        if len(shapes) != len(nodes):
            self._source.refuse(
                f"its forward takes {len(nodes)} inputs, input_shape has {len(shapes)} shapes"
            )
        for node, shape in zip(nodes, shapes, strict=True):
            batch_shape = [None, *shape]
            self._axes.append(1 if self._has_time_first(node) and len(shape) > 0 else 0)
            if self._axes[-1] == 1:
                batch_shape[:2] = batch_shape[1], None
            dtype = "int64" if self._is_of_ids(node) else self._dtype
            tensor = layers.Input(batch_shape=batch_shape, dtype=dtype, name=str(node.name))
            self._values[node] = tensor
        return [self._values[node] for node in nodes]

    def _shape_of(self, node: Any) -> tuple[int | None, ...]:
        """Sizes of one sample, by the first module that takes it."""
        for part in self._takers(node):
            if isinstance(part, Recurrent):
                return (part.features,) if part.is_cell else (None, part.features)
            features = features_of(part)
            if features == "ids":
                return (None,)
            if features is not None:
                has_time = any(isinstance(self._part(p), Recurrent) for p in self._called())
                return (None, *features) if has_time and len(features) == 1 else tuple(features)  # type: ignore[arg-type]
        return self._source.refuse(
            f"no module tells the shape of its input {str(node.name)!r}; pass input_shape=, the "
            "sizes of one sample, e.g. (None, 8), or a list of them for several inputs"
        )

    def _is_of_ids(self, node: Any) -> bool:
        return any(
            isinstance(part, TorchModule) and features_of(part) == "ids"
            for part in self._takers(node)
        )

    def _takers(self, node: Any) -> list[Any]:
        """The modules that a step's result is given to."""
        return [self._part(user.target) for user in node.users if user.op == "call_module"]

    def _called(self) -> list[str]:
        return [node.target for node in self._graph.nodes if node.op == "call_module"]

    def _has_time_first(self, node: Any) -> bool:
        """Whether a recurrence with batch_first=False takes it, behind modules of single steps."""
        for user in node.users:
            part = self._part(user.target) if user.op == "call_module" else None
            if isinstance(part, Recurrent):
                return not part.batch_first
            if part is not None and works_per_step(part) and self._has_time_first(user):
                return True
        return False

    # Steps ---------------------------------------------------------------------------------------

    def _given(self, argument: Any) -> Any:
        """An argument of a step with the values that the steps before returned."""
        if isinstance(argument, (tuple, list)):
            return type(argument)(self._given(item) for item in argument)
        if isinstance(argument, dict):
            return {key: self._given(value) for key, value in argument.items()}
        if isinstance(argument, slice):
            return slice(*map(self._given, (argument.start, argument.stop, argument.step)))
        return self._values.get(argument, argument) if _is_node(argument) else argument

    def _step(self, node: Any) -> Any:
        if node.op == "get_attr":
            value: Any = self._source.module
            for name in str(node.target).split("."):
                value = getattr(value, name)
            return np.asarray(without_gradient(value))
        args, kwargs = self._given(node.args), self._given(node.kwargs)
        if node.op == "call_module":
            return self._call_module(node, args, kwargs)
        name = node.target if node.op == "call_method" else node.target.__name__
        function = FUNCTIONS.get(str(name))
        if function is None:
            self._source.refuse(
                f"its forward calls {name!r}, which rnnext does not translate; accepted are "
                f"modules and {', '.join(sorted(FUNCTIONS))}. Or pass a list of its modules"
            )
        try:
            return _applied(function, args, kwargs)
        except (RnnextError, TypeError, ValueError) as error:
            self._source.refuse(f"its forward calls {name!r}: {str(error).rstrip('.')}")

    def _part(self, target: str) -> Any:
        if target not in self._parts:
            self._parts[target] = supported_part(TorchModule(self._modules[target], target))
        return self._parts[target]

    def _call_module(self, node: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        part = self._part(node.target)
        if not isinstance(part, Recurrent):
            if part.class_name == "MultiheadAttention":
                part.refuse(
                    "a forward of your own calls it, which is not supported; pass a list of modules"
                )
            return connect_plain(part, whole(args[0]))
        x, hx = whole(args[0]), args[1] if len(args) > 1 else kwargs.get("hx")
        initial = _initial(part, hx)
        if part.is_cell:
            x = layers.Reshape((1, part.features), dtype=part.dtype)(x)
            _, states = part.connect(x, None, initial)
            return states[0] if part.states == 1 else tuple(states)
        swaps = not part.batch_first
        output, states = part.connect(swapped(x) if swaps else x, None, initial)
        output = swapped(output) if swaps else output
        runs = [States(states[kind :: part.states]) for kind in range(part.states)]
        return output, runs[0] if part.states == 1 else tuple(runs)


def _traced(source: TorchModule) -> Any:
    """The steps of a forward, as torch.fx notes them."""
    fx = importlib.import_module("torch.fx")  # torch made the module, so it is there

    class Tracer(fx.Tracer):  # type: ignore[misc, name-defined]
        def is_leaf_module(self, module: Any, qualified_name: str) -> bool:
            native = torch_class_name(module)
            if native is not None and native not in _CONTAINERS:
                return True
            TorchModule(module, qualified_name)  # refuses hooks
            return False

    children = [name for name, _ in source.module.named_children()]
    try:
        return Tracer().trace(source.module)
    except RnnextError:
        raise
    except Exception as error:  # anything that a user's code may raise
        source.refuse(
            f"torch.fx cannot read its forward ({type(error).__name__}: {str(error)[:200]}); pass "
            "a list of its modules in the order in which forward calls them (it has "
            f"{children}), and see take="
        )


def _is_node(argument: Any) -> bool:
    return type(argument).__module__ == "torch.fx.node"


def _applied(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    keeps_states = function is FUNCTIONS["getitem"]
    first, *rest = args
    first = first if keeps_states else nest.map_structure(whole, first)
    return function(first, *(nest.map_structure(whole, x) for x in rest), **kwargs)


def _initial(part: Recurrent, hx: Any) -> list[Any] | None:
    """The states (B, units) that a recurrence starts from, run by run; None for zeros."""
    given = [hx] if part.states == 1 else list(hx or (None, None))
    if all(state is None or isinstance(state, Zeros) for state in given):
        return None
    if any(state is None or isinstance(state, Zeros) for state in given):
        part.source.refuse("of its states one is zeros; give both, or none")
    if part.is_cell:
        return given
    runs = [state.runs if isinstance(state, States) else state for state in given]
    return [state[run] for run in range(part.runs) for state in runs]


# The comparison ----------------------------------------------------------------------------------


def _compare(
    source: TorchModule, model: TorchGraphModel, inputs: Sequence[Any], axes: Sequence[int]
) -> bool:
    """Compares the model with the module; tells whether samples come first everywhere."""
    torch = importlib.import_module("torch")
    generator = np.random.default_rng(0)
    found = []
    for batch in (_BATCH, _BATCH + 1):
        arrays = [_random(x, batch, axis, generator) for x, axis in zip(inputs, axes, strict=True)]
        expected = _answers(source, torch, arrays)
        received = [as_array(y, "output") for y in nest.flatten(model(*arrays))]
        if len(received) != len(expected):
            source.refuse(f"it returns {len(expected)} tensors, the model {len(received)}")
        for y, right in zip(received, expected, strict=True):
            _check_same(source, y, right)
        found.append(received)
    follows = [
        len(a.shape) > 0 and a.shape[0] == _BATCH and b.shape[0] == _BATCH + 1
        for a, b in zip(*found, strict=True)
    ]
    return not any(axes) and all(follows)


def _random(x: Any, batch: int, axis: int, generator: np.random.Generator) -> Any:
    shape = [_STEPS if size is None else size for size in x.shape]
    shape[axis] = batch
    if str(x.dtype).startswith("int"):
        return generator.integers(0, 2, shape)
    return generator.standard_normal(shape).astype(str(x.dtype))


def _answers(source: TorchModule, torch: Any, arrays: Sequence[Any]) -> list[Any]:
    """What the module returns, flat."""
    module = source.module
    device = next((p.device for p in module.parameters()), None)
    try:
        with torch.no_grad():
            outputs = module(*(torch.as_tensor(x, device=device) for x in arrays))
    except Exception as error:  # anything that a user's code may raise
        shapes = [x.shape for x in arrays]
        source.refuse(
            f"its forward raises {type(error).__name__} for inputs of shapes {shapes} "
            f"({str(error)[:200]}); pass input_shape=, the sizes of one sample"
        )
    return [np.asarray(without_gradient(y)) for y in nest.flatten(outputs)]


def _check_same(source: TorchModule, received: Any, expected: Any) -> None:
    tolerance = _TOLERANCE.get(str(expected.dtype), 0.0) * max(1.0, float(np.abs(expected).max()))
    if received.shape == expected.shape and np.allclose(received, expected, 0, tolerance):
        return
    difference = "the shape" if received.shape != expected.shape else "values"
    source.refuse(
        f"its model returned other answers ({difference}: {received.shape} and {expected.shape}); "
        "pass a list of its modules in the order in which forward calls them"
    )
