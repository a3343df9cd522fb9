"""The base class of all layers: names, weights, configs, and what happens when one is called."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import initializers, nest, serialization
from rnnext.arrays import as_array, cast
from rnnext.dtypes import DTypePolicy, get_policy
from rnnext.errors import RnnextError, ShapeError, UnsupportedError
from rnnext.layers.call_arguments import CallArguments, accepts, shape_arguments
from rnnext.layers.input_spec import check_inputs
from rnnext.layers.masked_tensor import attach_mask, mask_of
from rnnext.layers.probing import probe_output
from rnnext.layers.signatures import accepted_options, constructor_arguments
from rnnext.layers.symbolic import KerasTensor, Node, Operation, any_symbolic, standard_shape
from rnnext.layers.variable import Variable, count_scalars, weights_lock

__all__ = ["Layer"]


class Layer(Operation):
    """A function with weights. Subclass it as Keras's `Layer` is subclassed.

    A subclass makes its weights in `build(input_shape)` with `add_weight` and computes in `call`,
    with NumPy. Layers assigned to attributes, also in lists and dictionaries, are its children.

    Args:
        trainable: Whether training would change the weights; rnnext only counts them.
        dtype: `"float32"`, `"float64"`, a dtype policy, or None for the default float type.
        name: Name of the layer; by default its class name in snake case, numbered.
        activity_regularizer: Kept in the config.
        autocast: Whether floating-point inputs are cast to the layer's dtype.
        **kwargs: `input_shape`, `batch_input_shape` or `input_dim`: the shape of the input, for
            the first layer of a `Sequential`.

    Raises:
        UnsupportedError: For any other argument.

    Example:
        >>> import numpy as np
        >>> from rnnext.layers import Layer
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        ...
        ...     def call(self, inputs):
        ...         return inputs * self.factor
        >>> layer = Scale()
        >>> layer(np.ones((1, 2), "float32"))
        array([[1., 1.]], dtype=float32)
        >>> layer.set_weights([np.array([2.0, 3.0])])
        >>> layer(np.ones((1, 2), "float32"))
        array([[2., 3.]], dtype=float32)
    """

    # Whether `call` itself checks and converts a plain array, so that `__call__` need not.
    _call_checks_input = False
    # Whether integer inputs are computed as floats; Keras leaves that to the operation.
    _casts_integers = False
    # Whether compute_mask can return a mask when the input has none. None: if it is overridden.
    _makes_mask: bool | None = None
    # Whether call_with_masks() returns outputs and masks together, as that of a model does.
    computes_masks = False
    # Whether integer inputs are read as ids, whatever float dtype the model's input declares.
    reads_ids = False
    # Whether outputs never share memory with inputs, so that predict need not look.
    makes_new_arrays = False
    # Attributes that hold layers which are not children.
    _not_children: frozenset[str] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = cls.__dict__
        if "build" in own:
            cls.build = _finish_build(cls.build)  # type: ignore[method-assign]
        # What a class says about its own methods does not hold for a subclass's.
        if "call" in own and "_call_checks_input" not in own:
            cls._call_checks_input = False
        if "compute_mask" in own and "_makes_mask" not in own:
            cls._makes_mask = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = super().__new__(cls)
        layer.__dict__["_constructor_call"] = (args, kwargs)
        return layer

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name)
        self._own_variables: list[Variable] = []
        self._build_shapes: dict[str, Any] | None = None
        self._packed: Any = None
        self._direct = False
        self.built = False
        self.dtype_policy: DTypePolicy = get_policy(dtype)
        self.autocast = autocast
        self.activity_regularizer = activity_regularizer
        self.input_spec: Any = None
        self.supports_masking = _is_overridden(self, "compute_mask")
        if not isinstance(trainable, (bool, np.bool_)):
            raise UnsupportedError(f"{self.label}: trainable must be a bool, received {trainable!r}.")
        self._trainable = bool(trainable)
        self._batch_input_shape = self._pop_input_shape(kwargs)
        if kwargs:
            raise UnsupportedError(
                f"{self.label}: unknown arguments {sorted(kwargs)}; accepted: "
                f"{accepted_options(type(self))}."
            )

    def _pop_input_shape(self, kwargs: dict[str, Any]) -> tuple[int | None, ...] | None:
        if "batch_input_shape" in kwargs:
            return standard_shape(kwargs.pop("batch_input_shape"), f"{self.label} batch_input_shape")
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
            return (None, *standard_shape(shape, f"{self.label} input_shape"))
        if "input_dim" in kwargs:
            return (None, *standard_shape((kwargs.pop("input_dim"),), f"{self.label} input_dim"))
        return None

    # Attributes and children -------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable):
            self._track(value)
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
    def _children(self) -> dict[str, Layer | list[Layer]]:
        """Layers by the attribute that holds them: a layer or a list of layers."""
        children: dict[str, Layer | list[Layer]] = {}
        for name, value in self.__dict__.items():
            if name in self._not_children:
                continue
            if isinstance(value, Layer):
                children[name] = value
            elif nest.is_nested(value):
                layers = [leaf for leaf in nest.flatten(value) if isinstance(leaf, Layer)]
                if layers:
                    children[name] = layers
        return children

    @property
    def _layers(self) -> list[Layer]:
        return nest.flatten(list(self._children.values()))

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
        """Name of the dtype the layer computes in."""
        return self.dtype_policy.compute_dtype

    # Weights -----------------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        name: str | None = None,
        regularizer: Any = None,  # noqa: ARG002
        constraint: Any = None,  # noqa: ARG002
        **_training_options: Any,
    ) -> Variable:
        """Makes a weight of this layer.

        Args:
            shape: Its sizes; none may be None.
            initializer: An initializer or its name; default glorot_uniform, or zeros for integers.
            dtype: Default: the layer's.
            trainable: Whether training would change it.
            name: Its name within the layer.
            regularizer: Accepted; rnnext does not train.
            constraint: Accepted; rnnext does not train.

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
            initializer = "glorot_uniform" if dtype.kind == "f" else "zeros"
        values = initializers.get(initializer)(sizes, dtype=dtype)  # type: ignore[misc]
        variable = Variable(
            values.astype(dtype, copy=False),
            name=name or f"variable_{len(self._own_variables)}",
            trainable=trainable,
            owner=self,
        )
        self._track(variable)
        variable.trainable = trainable and self._trainable
        return variable

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

    def _pack(self) -> Any:
        """Returns what `call` needs, made from the weights; see `_pack_weights`."""
        with weights_lock:
            if self._packed is None:
                self._packed = self._pack_weights()
            return self._packed

    def _pack_weights(self) -> Any:
        """Makes the compiled kernel; for layers that have one."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        # A packed kernel can be neither copied nor pickled; it is made again from the weights.
        return {**self.__dict__, "_packed": None}

    # Building ----------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs of this shape; overridden by layers that have weights."""
        self.built = True
        self._build_shapes = {"input_shape": input_shape}

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns what `build_from_config` needs to make the same weights."""
        if self._build_shapes is None:
            return None
        if len(self._build_shapes) == 1:
            return {"input_shape": next(iter(self._build_shapes.values()))}
        return {"shapes_dict": self._build_shapes}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Builds the layer as the layer was that wrote this config."""
        if config.get("input_shape") is not None:
            self.build(_as_shapes(config["input_shape"]))
        elif config.get("shapes_dict"):
            self.build(**{k: _as_shapes(v) for k, v in config["shapes_dict"].items()})

    def _ensure_built(self, call: CallArguments) -> None:
        if self.built:
            return
        if _is_overridden(self, "build"):
            self.build(**shape_arguments(type(self).build, call.shapes(), self.label))
            check_inputs(self.input_spec, call.first, self.label)
            return
        if any(not layer.built for layer in self._layers) and any_symbolic(call.named):
            probe_output(self, call.args, call.kwargs)  # an eager call builds the children itself
        Layer.build(self, next(iter(call.shapes().values()), None))

    # Calling -----------------------------------------------------------------------------------

    def __call__(self, inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Applies the layer.

        Args:
            inputs: An array or array-like, or a nested structure of them, or symbolic tensors.
            *args: Further arguments of `call`.
            **kwargs: Further arguments of `call`.

        Returns:
            What `call` returns: arrays, or symbolic tensors if an argument is symbolic.
        """
        if self._direct and type(inputs) is np.ndarray and not args and not kwargs:
            return self.call(inputs)
        return self._call_checked((inputs, *args), kwargs)

    def _call_checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not accepts(type(self).call, "training"):
            kwargs = {key: value for key, value in kwargs.items() if key != "training"}
        if any_symbolic((args, kwargs)):
            return self._call_symbolic(args, kwargs)
        masks = nest.map_structure(mask_of, args[:1])
        args = (self._convert(args[0]), *(self._convert_leaves(value) for value in args[1:]))
        kwargs = {key: self._convert_leaves(value) for key, value in kwargs.items()}
        call = CallArguments(type(self).call, args, kwargs, self.label)
        check_inputs(self.input_spec, call.first, self.label)
        self._ensure_built(call)
        mask = call.named.get("mask")
        if mask is None:
            mask = masks[0]
            if self._takes_implicit_mask(call):
                kwargs["mask"] = mask
        outputs = self.call(*args, **kwargs)
        self._called()
        return self._with_masks(call.first, mask, outputs)

    def _call_symbolic(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = CallArguments(type(self).call, args, kwargs, self.label)
        check_inputs(self.input_spec, call.first, self.label)
        self._ensure_built(call)
        outputs = self.compute_output_spec(*args, **kwargs)
        self._called()
        Node(self, args, kwargs, outputs)
        return outputs

    def _called(self) -> None:
        """After the first call the layer is built, and plain arrays may go straight to `call`."""
        self.built = True
        self._direct = self._direct or (self._call_checks_input and not self.makes_mask)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the outputs from arrays; overridden by every layer."""
        raise NotImplementedError(f"{type(self).__name__} has no call() method.")

    def _convert(self, inputs: Any) -> Any:
        """First argument of a call as arrays; a list of numbers is one array."""
        if isinstance(inputs, (list, tuple)):
            leaves = nest.flatten(inputs)
            if leaves and not hasattr(leaves[0], "shape") and leaves[0] is not None:
                inputs = as_array(inputs, f"input of {self.label}")
        return nest.map_structure(self._convert_leaf, inputs)

    def _convert_leaves(self, value: Any) -> Any:
        """A further argument: its arrays converted, anything else untouched."""

        def convert(leaf: Any) -> Any:
            is_array = hasattr(leaf, "__array__") or hasattr(leaf, "__dlpack__")
            return self._convert_leaf(leaf) if is_array else leaf

        return nest.map_structure(convert, value)

    def _convert_leaf(self, x: Any) -> Any:
        if x is None:
            return None
        array = as_array(x, f"input of {self.label}")
        return cast(array, self._input_dtype(array.dtype))

    def _input_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """The dtype in which an input of this dtype reaches `call`."""
        if dtype.kind == "b":
            return dtype
        if self.autocast and (dtype.kind not in "iu" or self._casts_integers):
            return np.dtype(self.compute_dtype)
        return dtype.newbyteorder("=")

    def _takes_implicit_mask(self, call: CallArguments) -> bool:
        # As in Keras 3, a mask comes along only with the one tensor argument: an RNN that is
        # given an initial_state as well must be given the mask explicitly.
        return "mask" in call.named and len(call.tensors) == 1

    # Masks, shapes -----------------------------------------------------------------------------

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:  # noqa: ARG002
        """Returns the mask of the outputs, given the inputs and their mask."""
        return previous_mask

    @property
    def makes_mask(self) -> bool:
        """Whether the outputs can have a mask although the inputs have none."""
        if self._makes_mask is not None:
            return self._makes_mask
        return self.supports_masking and _is_overridden(self, "compute_mask")

    def _with_masks(self, inputs: Any, mask: Any, outputs: Any) -> Any:
        masked = any(m is not None for m in nest.flatten(mask))
        if not self.supports_masking or not (masked or self.makes_mask):
            return outputs
        flat = nest.flatten(outputs)
        masks = nest.flatten(self.compute_mask(inputs, mask))
        for i, (array, out_mask) in enumerate(zip(flat, masks, strict=False)):
            if out_mask is not None and isinstance(array, np.ndarray) and mask_of(array) is None:
                flat[i] = attach_mask(array, out_mask)
        return nest.pack_like(outputs, flat)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        """Returns the shape of the outputs for inputs of this shape.

        A layer that does not override it is run on zeros of two sizes instead.
        """
        raise NotImplementedError(f"{type(self).__name__} has no compute_output_shape() method.")

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns symbolic tensors like the outputs of `call` on these arguments."""
        call = CallArguments(type(self).call, args, kwargs, self.label)
        if not _is_overridden(self, "compute_output_shape"):
            return probe_output(self, args, kwargs)
        method = type(self).compute_output_shape
        shapes = shape_arguments(method, call.shapes(), self.label)
        return _tensors(self.compute_output_shape(**shapes), self.compute_dtype, self.name)

    # Config ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, as Keras 3 names them."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype_policy.get_config(),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialization.serialize(self.activity_regularizer)
        if not _is_overridden(self, "get_config"):
            config.update(constructor_arguments(self, *self.__dict__["_constructor_call"]))
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes a layer from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _is_overridden(layer: Layer, method: str) -> bool:
    return getattr(type(layer), method) is not getattr(Layer, method)


def _finish_build(build: Callable[..., None]) -> Callable[..., None]:
    """Wraps a subclass's build(): afterwards the layer is built, or, if it raised, untouched."""

    @functools.wraps(build)
    def build_and_record(self: Layer, *args: Any, **kwargs: Any) -> None:
        own_variables = list(self._own_variables)
        try:
            build(self, *args, **kwargs)
        except BaseException:
            self._own_variables = own_variables
            self.built = False
            raise
        names = list(accepted_arguments(build))
        self._build_shapes = {**dict(zip(names, args, strict=False)), **kwargs}
        self.built = True

    return build_and_record


def accepted_arguments(method: Callable[..., Any]) -> tuple[str, ...]:
    code = method.__code__
    return code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]


def _as_shapes(value: Any) -> Any:
    """A shape, or a nested structure of shapes, that JSON turned into lists."""
    if isinstance(value, dict):
        return {key: _as_shapes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if all(item is None or isinstance(item, int) for item in value):
            return tuple(value)
        return [_as_shapes(item) for item in value]
    return value


def _tensors(shapes: Any, dtype: str, name: str) -> Any:
    """Symbolic tensors for a shape or a nested structure of shapes."""
    if isinstance(shapes, dict):
        return {key: _tensors(shape, dtype, name) for key, shape in shapes.items()}
    if all(size is None or isinstance(size, (int, np.integer)) for size in shapes):
        return KerasTensor(shapes, dtype, name)
    parts = [_tensors(shape, dtype, name) for shape in shapes]
    return tuple(parts) if isinstance(shapes, tuple) else parts
