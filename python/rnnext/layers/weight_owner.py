"""Owning weights: a layer's variables, its children, and everything that asks for all of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import constraints, initializers, nest, regularizers
from rnnext.activations.activation import CustomActivation
from rnnext.arrays import as_array
from rnnext.autodiff.tape import suspended
from rnnext.derived import derived
from rnnext.dtypes import DTypePolicy, get_policy, widened
from rnnext.errors import DataError, RnnextError, ShapeError, UnsupportedError
from rnnext.graph.operation import Operation
from rnnext.graph.tensor import standard_shape
from rnnext.layers.added_losses import changes
from rnnext.layers.variable import Variable, count_scalars, weights_lock
from rnnext.layers.weight_budget import weight_budget
from rnnext.name_scopes import layer_scope
from rnnext.naming import unique_name

__all__ = ["WeightOwner"]


class WeightOwner(Operation):
    """An operation with weights of its own and children that have weights.

    Args:
        name: Name of the layer.
        trainable: Whether training would change the weights.
        dtype: See `rnnext.dtypes.get_policy`.
    """

    # Weights whose regularizer and constraint have another name than theirs.
    _option_names: Mapping[str, str] = MappingProxyType({})
    # Whether a compiled kernel holds the weights.
    has_kernel = False
    # What the class is called in the file the layer is from, where that differs from its own name.
    saved_class_name: str | None = None

    def __init__(self, name: str | None, trainable: bool, dtype: Any) -> None:
        super().__init__(name)
        self._own_variables: list[Variable] = []
        self._packed: Any = None
        self._precision: str | None = None
        self.built = False
        self.dtype_policy: DTypePolicy = get_policy(dtype)
        if not isinstance(trainable, (bool, np.bool_)):
            raise UnsupportedError(
                f"{self.label}: trainable must be a bool, received {trainable!r}."
            )
        self._trainable = bool(trainable)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable):
            self._track(value)
        elif name == "activity_regularizer":
            changes.count += 1
        elif name == "call":
            self.__dict__["_bare_call"] = value
        object.__setattr__(self, name, value)
        if self.__dict__.get("built") and name != "_packed":
            self.weights_changed()  # an option such as `activation` is packed with the weights

    def _track(self, variable: Variable) -> None:
        if variable._owner is None:
            variable._owner = self
        if variable._owner is self and all(v is not variable for v in self._own_variables):
            self._own_variables.append(variable)

    @property
    def _variables(self) -> list[Variable]:
        """Own weights without the children's, in the order Keras's files have them."""
        return sorted(self._own_variables, key=lambda variable: not variable.made_trainable)

    @property
    def _children(self) -> dict[str, Any]:
        """Layers by the attribute that holds them: a layer or a list of layers."""
        children: dict[str, Any] = {}
        for name, value in self.__dict__.items():
            if isinstance(value, CustomActivation):
                value = value.function  # a layer may be an activation: PReLU
            if isinstance(value, WeightOwner):
                children[name] = value
            elif nest.is_nested(value):
                layers = list(_owners_in(value))
                if layers:
                    children[name] = layers
        return children

    @property
    def _layers(self) -> list[Any]:
        return nest.flatten(list(self._children.values()))

    _path: str | None = None

    @property
    def path(self) -> str | None:
        """Names of the layers in which it was built and its own, `"encoder/lstm"`; None before."""
        return self._path or (self.name if self.built else None)

    @property
    def dtype(self) -> str:
        """Name of the dtype of the weights."""
        return self.dtype_policy.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """Name of the dtype of the weights."""
        return self.dtype_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """Name of the dtype the layer computes in: float32 where Keras has a half one."""
        return self.dtype_policy.arithmetic_dtype

    @property
    def output_dtype(self) -> str:
        """Name of the dtype of outputs that are floats; Keras's `compute_dtype`."""
        return self.dtype_policy.compute_dtype

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        name: str | None = None,
        regularizer: Any = None,
        constraint: Any = None,
        autocast: bool = True,
        **_training_options: Any,
    ) -> Variable:
        """Makes a weight of this layer.

        Args:
            shape: Its sizes; none may be None.
            initializer: An initializer or its name; default glorot_uniform, or zeros for integers.
            dtype: Default: the layer's.
            trainable: Whether training would change it.
            name: Its name within the layer.
            regularizer: What training adds to the loss; default: the layer's option for the
                weight, such as `kernel_regularizer` for `"kernel"`.
            constraint: What training makes of the values after each step; default likewise.
            autocast: Whether Keras computes with the values in the layer's half precision.

        Raises:
            ShapeError: If a size is not known.
        """
        sizes = standard_shape(shape, f"{self.label}: weight {name!r}")
        if None in sizes:
            raise ShapeError(
                f"{self.label}: weight {name!r} needs a shape without None, received {sizes}."
            )
        dtype = np.dtype(dtype or self.variable_dtype)
        if initializer is None:
            initializer = "zeros" if dtype.kind in "biu" else "glorot_uniform"
        budget = weight_budget()
        if budget is not None:
            budget.spend(sizes, dtype, self.label)  # type: ignore[arg-type]
        if budget is not None and budget.only_zeros:
            values = np.zeros(sizes, dtype)  # type: ignore[type-var]
        else:
            drawn = widened(np.empty(0, dtype)).dtype
            values = initializers.get(initializer)(sizes, dtype=drawn)  # type: ignore[misc]
        with layer_scope(self, keep=False):
            variable = Variable(
                values.astype(dtype, copy=False),
                name=name or unique_name("variable"),
                trainable=trainable,
                owner=self,
            )
        for kind, given, module in (
            ("regularizer", regularizer, regularizers),
            ("constraint", constraint, constraints),
        ):
            found = module.get(self._option_of(name, kind) if given is None else given)
            if isinstance(found, Mapping):
                # One of a class that is not here is no obstacle to inference; training refuses it.
                with contextlib.suppress(RnnextError):
                    found = module.deserialize(found)
            if found is not None:
                setattr(variable, kind, found)
        if not autocast:
            variable.autocast = False
        self._track(variable)
        variable.trainable = trainable and self._trainable
        return variable

    def _option_of(self, weight: str | None, kind: str) -> Any:
        """The layer's regularizer or constraint of one of its weights."""
        if weight is None:
            return None
        stem = self._option_names.get(weight, weight.removesuffix("_kernel"))
        return getattr(self, f"{stem}_{kind}", None)

    @property
    def trainable(self) -> bool:
        """Whether training would change the weights; setting it sets the children's too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in self._own_variables:
            variable.trainable = bool(value) and variable.made_trainable
        for layer in self._layers:
            layer.trainable = value

    @property
    def weights(self) -> list[Variable]:
        """All weights: own ones (trainable ones first), then the children's, each once."""
        found = list(self._variables)
        for layer in self._layers:
            found += layer.weights
        return list({id(variable): variable for variable in found}.values())

    @property
    def variables(self) -> list[Variable]:
        """The same as `weights`."""
        return self.weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training would change."""
        return [v for v in self.weights if v.trainable] if self._trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training would not change."""
        return [v for v in self.weights if not v.trainable] if self._trainable else self.weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """The same as `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The same as `non_trainable_weights`."""
        return self.non_trainable_weights

    def get_weights(self) -> list[NDArray[Any]]:
        """Returns copies of all weights, in the order of `weights`."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replaces all weights.

        Args:
            weights: Array-likes of the shapes `get_weights` returns, in that order.

        Raises:
            ShapeError: If their number or a shape is wrong. Then no weight has changed.
        """
        variables = self.weights
        if not isinstance(weights, Iterable):
            raise DataError(f"{self.label}: expected a list of weights, received {weights!r}.")
        arrays = [as_array(w, f"{self.label}: weight {i}") for i, w in enumerate(weights)]
        expected = [variable.shape for variable in variables]
        received = [array.shape for array in arrays]
        if expected != received:
            built = "" if self.built else " (the layer is not built yet)"
            raise ShapeError(
                f"{self.label}{built}: expected weights of shapes {expected}, received {received}."
            )
        with weights_lock:
            for variable, array in zip(variables, arrays, strict=True):
                variable.assign(array)

    def save_own_variables(self, store: Any) -> None:
        """Puts the own weights, not those of layers inside, into a store under "0", "1", ...

        A subclass that overrides it, and `load_own_variables`, decides what a `.keras` or
        `.weights.h5` file has of it.

        Args:
            store: A mapping from names to arrays, such as a group of an HDF5 file.
        """
        for index, variable in enumerate(self._variables):
            store[str(index)] = variable.value

    def load_own_variables(self, store: Any) -> None:
        """Sets the own weights from what `save_own_variables` put into a store.

        Args:
            store: A mapping from names to arrays.

        Raises:
            ShapeError: If their number or a shape is wrong. Then no weight has changed.
        """
        variables = self._variables
        if len(store) != len(variables):
            raise ShapeError(
                f"{self.label}: {len(variables)} weights are expected, the store has {len(store)}."
            )
        arrays = [v.fitting(store[str(index)]) for index, v in enumerate(variables)]
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)

    def count_params(self) -> int:
        """Returns how many numbers the weights hold.

        Raises:
            RnnextError: If the layer is not built.
        """
        if not self.built:
            raise RnnextError(f"{self.label} is not built yet; call it or its build() first.")
        return count_scalars(self.weights)

    def weights_changed(self) -> None:
        """Called after a weight or an option changed: what was packed from it is dropped."""
        self.__dict__["_packed"] = None

    @derived
    def precision(self) -> str:
        """How compiled kernels store the weights; see `set_precision`."""
        return self._precision or "full"

    def set_precision(self, precision: str) -> None:
        """Chooses how the compiled kernels of this layer and its children store their weights.

        Narrow weights are quicker to read, which is most of the time of large recurrent layers with
        few samples, and are not exact: docs/performance.md has the errors. Biases, states and
        outputs stay float32; what an `"int8"` matrix multiplies, an input or a state, is rounded to
        16 bits with one scale for each sample and step. Where that holds a NaN or an infinity, the
        sums are all NaN. Layers without a compiled kernel (convolutions, embeddings, ...) are
        not concerned, nor are `get_weights` and saved files, which keep the exact weights.

        Args:
            precision: `"full"`; `"bf16"` (rounded to bfloat16); or `"int8"` (integers and one
                scale for each output column).

        Raises:
            UnsupportedError: If it is none of these, or a layer with a kernel is a float64 one.
                Then nothing has changed.

        Example:
            >>> from rnnext.layers import Input, LSTM
            >>> from rnnext.models import Sequential
            >>> model = Sequential([Input((None, 8)), LSTM(16)])
            >>> model.set_precision("bf16")
            >>> model.layers[0].precision
            'bf16'
        """
        if precision not in ("full", "bf16", "int8"):
            raise UnsupportedError(
                f"{self.label}: precision must be 'full', 'bf16' or 'int8', received {precision!r}."
            )
        owners = self._with_descendants()
        for owner in owners:
            if precision != "full" and owner.has_kernel and owner.compute_dtype != "float32":
                raise UnsupportedError(
                    f"{owner.label}: precision {precision!r} is for float32 layers, this one "
                    f"computes in {owner.compute_dtype}."
                )
        with weights_lock:
            for owner in owners:
                owner.__dict__["_precision"] = None if precision == "full" else precision
                owner.weights_changed()

    joins_samples_in_training = False  # whether an output depends on the batch it is in

    def _with_descendants(self) -> list[WeightOwner]:
        found: dict[int, WeightOwner] = {id(self): self}
        for layer in self._layers:
            found.update((id(owner), owner) for owner in layer._with_descendants())
        return list(found.values())

    def _pack(self) -> Any:
        """Returns what `call` needs, made from the weights; see `_pack_weights`."""
        with weights_lock:
            if self._packed is None:
                with suspended():  # what is packed outlives a trace
                    self._packed = self._pack_weights()
            return self._packed

    def _pack_weights(self) -> Any:
        """Makes the compiled kernel; for layers that have one."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        # A packed kernel can be neither copied nor pickled; it is made again from the weights.
        return {**self.__dict__, "_packed": None}


def _owners_in(structure: Any) -> Iterator[WeightOwner]:
    """The layers in nested lists, tuples and dictionaries, in the order they were put there."""
    if isinstance(structure, WeightOwner):
        yield structure
    elif nest.is_nested(structure):
        items = structure.values() if isinstance(structure, dict) else structure
        for item in items:
            yield from _owners_in(item)
