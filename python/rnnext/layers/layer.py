"""The base class of all layers: names, weights, configs, and what happens when one is called."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest, serialization
from rnnext.arrays import as_array, as_strings, cast, holds_strings, is_traced
from rnnext.autodiff.tape import active, shortcut, suspended
from rnnext.autodiff.watchable import VIEWS, OutputArray, as_outputs
from rnnext.errors import DataError, UnsupportedError
from rnnext.graph.arguments import (
    CallArguments,
    accepts,
    first_argument,
    positional_arguments,
    required_arguments,
    shape_arguments,
    takes_any_keyword,
)
from rnnext.graph.masked_array import mask_of, masks_of, with_mask
from rnnext.graph.operation import MaskRule, Node, Operation
from rnnext.graph.shape_inference import probe_output
from rnnext.graph.streaming import Streamed, StreamedCall
from rnnext.graph.tensor import KerasTensor, any_symbolic, standard_shape
from rnnext.layers import added_losses, half_precision
from rnnext.layers.input_spec import check_inputs
from rnnext.layers.options import (
    check_no_others,
    constructor_arguments,
    options_config,
    read_options,
)
from rnnext.layers.quirks import KERAS3, Quirks
from rnnext.layers.traced_call import recorded_call, recorded_in_traces, training_as_given
from rnnext.layers.weight_owner import WeightOwner
from rnnext.name_scopes import layer_scope
from rnnext.regularizers.regularizer import known as known_regularizer

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from rnnext.layers.option_types import BaseOptions, KeptOption, ShapeOptions

__all__ = ["NOT_GIVEN", "Layer", "short_type", "tensors_of_shapes"]

NOT_GIVEN: Any = object()
# The class of the arrays that go straight to `call`; none while a GradientTape is open.
short_type: Any = np.ndarray


@shortcut
def _switch(is_open: bool) -> None:
    global short_type
    short_type = np.ndarray if is_open else NOT_GIVEN


class Layer(WeightOwner):
    """A function with weights. Subclass it as Keras's `Layer` is subclassed.

    A subclass makes its weights in `build(input_shape)` with `add_weight` and computes in `call`,
    with NumPy. Layers assigned to attributes, also in lists and dictionaries, are its children.

    A layer whose output at a time step (axis 1) depends on that step of its inputs alone may say so
    by a class attribute `works_on_each_step = True`; models that hold it can then be streamed.

    Args:
        trainable: Whether training would change the weights; rnnext only counts them.
        dtype: `"float32"`, `"float64"`, a dtype policy, or None for the default float type.
        name: Name of the layer; by default its class name in snake case, numbered.
        activity_regularizer: What training adds to the loss for the outputs, divided by the number
            of samples.
        autocast: Whether floating-point inputs are cast to the layer's dtype.
        **kwargs: `input_shape`, `batch_input_shape` or `input_dim`: the shape of the input, for
            the first layer of a `Sequential`; `batch_size` beside `input_shape`: the batch's size.

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

    # Whether `activity_regularizer` is one of the outputs of a call.
    _regularizes_outputs = True
    # Whether it called `add_loss`.
    _adds_losses = False
    # `call` as the class wrote it; that of a class with a gradient rule looks for a trace first.
    _bare_call: Callable[..., Any] = Operation.call
    # Whether `call` itself checks and converts a plain array, so that `__call__` need not.
    _call_checks_input = False
    calls_others = True
    # Whether integer inputs are computed as floats; Keras leaves that to the operation.
    _casts_integers = False
    # What it does as the Keras did that wrote its file, and which of these its class can do.
    quirks = KERAS3
    _known_quirks: frozenset[str] = frozenset()
    # The mask rule of a class's own compute_mask: MAKE unless the class says something else.
    _mask_rule = MaskRule.MAKE
    # Base-class arguments this class sets itself; callers may not pass them.
    _no_options: frozenset[str] = frozenset()
    # Names of the constructors' arguments that a layer keeps as attributes and in its config.
    _options: tuple[str, ...] = ()
    # Which of them are in the config, where Keras's config is not in the order of its signature.
    _config_order: tuple[str, ...] | None = None
    # Arguments that a class takes out of its constructor's **kwargs, most of them of older Keras.
    _more_options: frozenset[str] = frozenset(
        {"batch_input_shape", "batch_size", "input_dim", "input_shape"}
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = cls.__dict__
        has_rule = "record" in own
        if "build" in own:
            cls.build = _finish_build(cls.build)  # type: ignore[method-assign]
        # What a class says about its own methods does not hold for a subclass's.
        if _call_is_new(cls):
            cls._bare_call = cls.call
            if "_call_checks_input" not in own:
                cls._call_checks_input = False
            if not has_rule:
                cls.record = Operation.record  # type: ignore[method-assign]
        if has_rule:
            cls.call = recorded_in_traces(  # type: ignore[method-assign]
                cls._bare_call, cls.record
            )
        if "compute_mask" in own and "_mask_rule" not in own:
            cls._mask_rule = MaskRule.MAKE

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Notes the arguments, for classes that do not write their own `get_config`."""
        layer = super().__new__(cls)
        layer.__dict__["_construction"] = functools.partial(cls, *args, **kwargs)
        return layer

    def __init__(
        self,
        *,
        activity_regularizer: KeptOption = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Unpack[BaseOptions],
    ) -> None:
        super().__init__(name, trainable, dtype)
        self._build_shapes: dict[str, Any] | None = None
        self._direct = False
        self.autocast = autocast
        self.activity_regularizer = known_regularizer(activity_regularizer)
        self.input_spec: Any = None
        self.supports_masking = _is_overridden(self, "compute_mask")
        self._batch_input_shape = self._pop_input_shape(kwargs)
        self.quirks = Quirks.taken(kwargs, self._known_quirks)
        check_no_others(type(self), kwargs, self.label)

    def _take(self, given: dict[str, Any], without: tuple[str, ...] = ()) -> None:
        """Keeps a constructor's arguments: as attributes, read by their names, and in the config.

        A constructor calls its base class's, checks what the names do not tell, and then says
        `self._take(locals())`. What a base class has taken is not taken again.

        Args:
            given: The `locals()` of the constructor; as it calls `super()`, its class is in it.
            without: Arguments that are neither attributes nor in the config.

        Raises:
            UnsupportedError: For a value that is not accepted.
        """
        done = self._options + without
        self._keep_options(read_options(self, given, done))

    def _keep_options(self, options: dict[str, Any]) -> None:
        self.__dict__.update(options)
        self.__dict__["_options"] = self._options + tuple(options)

    def _pop_input_shape(self, kwargs: ShapeOptions) -> tuple[int | None, ...] | None:
        size = kwargs.pop("batch_size", None)
        if "batch_input_shape" in kwargs:
            return standard_shape(
                kwargs.pop("batch_input_shape"), f"{self.label} batch_input_shape"
            )
        batch = (None,) if size is None else standard_shape((size,), f"{self.label} batch_size")
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
            return batch + standard_shape(shape, f"{self.label} input_shape")
        if "input_dim" in kwargs:
            return batch + standard_shape((kwargs.pop("input_dim"),), f"{self.label} input_dim")
        return None

    # Building ----------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs of this shape; overridden by layers that have weights.

        A layer that only has children builds them by running `call` on zeros.
        """
        if any(not layer.built for layer in self._layers):
            with layer_scope(self):
                probe_output(self, (KerasTensor(input_shape),), {})
        self._note_built(input_shape)

    def _note_built(self, input_shape: Any) -> None:
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
        """Builds the layer as the layer was that wrote this config.

        A layer that only has children, and whose `call` needs more than one argument, is built by
        what calls it.
        """
        if not _is_overridden(self, "build") and len(required_arguments(type(self).call)) > 1:
            return
        if config.get("input_shape") is not None:
            self.build(_as_shapes(config["input_shape"]))
        elif config.get("shapes_dict"):
            self.build(**{k: _as_shapes(v) for k, v in config["shapes_dict"].items()})

    def _ensure_built(self, call: CallArguments) -> None:
        if self.built:
            return
        if active.tape is not None:
            with suspended():
                self._ensure_built(call)
            return
        if _is_overridden(self, "build"):
            self.build(**shape_arguments(type(self).build, call.shapes(), self.label))
            check_inputs(self.input_spec, call.first, self.label)
            return
        if any(not layer.built for layer in self._layers) and any_symbolic(call.named):
            probe_output(self, call.args, call.kwargs)  # an eager call builds the children itself
        self._note_built(next(iter(call.shapes().values()), None))

    # Calling -----------------------------------------------------------------------------------

    def __call__(self, inputs: Any = NOT_GIVEN, *args: Any, **kwargs: Any) -> Any:
        """Applies the layer.

        Args:
            inputs: An array or array-like, or a nested structure of them, or symbolic tensors.
            *args: Further arguments of `call`.
            **kwargs: Further arguments of `call`.

        Returns:
            What `call` returns: arrays, or symbolic tensors if an argument is symbolic.
        """
        if self._direct and type(inputs) is short_type and not args and not kwargs:
            return self._bare_call(inputs)
        if type(inputs) in VIEWS and short_type is np.ndarray:
            outputs = self(inputs.view(np.ndarray), *args, **kwargs)
            return outputs.view(OutputArray) if type(outputs) is np.ndarray else as_outputs(outputs)
        if inputs is NOT_GIVEN:  # by name: layer(sequences=x)
            first = first_argument(type(self).call)
            args = (kwargs.pop(first),) if first in kwargs else ()
        else:
            args = (inputs, *args)
        outputs = self._call_checked(args, kwargs)
        # What is no array comes from a program of TensorFlow's, which asks for `numpy()`.
        return as_outputs(outputs) if isinstance(inputs, (str, list)) else outputs

    # The `__call__` that rnnext gives the class; another one is a user's.
    _builtin_call: Any = __call__

    def _call_checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.built:
            return self._call_in_scope(args, kwargs)
        with layer_scope(self):  # the call may build layers
            return self._call_in_scope(args, kwargs)

    def _call_in_scope(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not accepts(type(self).call, "training"):
            kwargs = {key: value for key, value in kwargs.items() if key != "training"}
        if any_symbolic((args, kwargs)):
            return self._call_symbolic(args, kwargs)
        if args and args[0] is None:
            raise DataError(f"input of {self.label}: expected an array, received None.")
        masks = self._carried_masks(args, kwargs)  # which the conversion to arrays drops
        args = (
            *(self._convert(value) for value in args[:1]),
            *(self._convert_leaves(value) for value in args[1:]),
        )
        kwargs = {key: self._convert_leaves(value) for key, value in kwargs.items()}
        call = CallArguments(type(self).call, args, kwargs, self.label)
        check_inputs(self.input_spec, call.first, self.label)
        self._ensure_built(call)
        if masks:
            for mask_argument, tensors in self.implicit_masks(call).items():
                kwargs[mask_argument] = masks[tensors]
        if active.tape is not None:
            outputs = self._call_traced(args, kwargs)
        elif added_losses.may_add(self):
            outputs = added_losses.collected(lambda: self._call_traced(args, kwargs))
        elif serialization.is_builtin(type(self)):
            outputs = self.cast_outputs(self._bare_call(*args, **kwargs))
        else:
            outputs = added_losses.noted(lambda: self.cast_outputs(self.call(*args, **kwargs)))
        self._after_first_call()
        mask = call.named.get("mask")
        if mask is None and masks:
            mask = masks[next(iter(call.named))]
        return self._with_masks(call.first, mask, outputs)

    def _call_traced(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Computes inside a trace, by the layer's own gradient rule."""
        with training_as_given(kwargs.pop("training", None)) as recording:
            if self._is_inlined():
                with self.naming_kernels():
                    return self._call_inlined(args, kwargs)
            return recorded_call(functools.partial(self.recorded, recording), args, kwargs)

    def _is_inlined(self) -> bool:
        """Whether a trace notes what `call` of a user's class computes, step by step.

        Then a `train_step` may use what `call` left in attributes of the layer.
        """
        is_own = type(self).record is Operation.record and not serialization.is_builtin(type(self))
        return is_own and not added_losses.regularizes(self)

    def _call_inlined(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Computes inside a trace, on its tape."""
        if active.tape.recording.training and accepts(type(self).call, "training"):  # type: ignore[union-attr]
            kwargs = {**kwargs, "training": True}
        outputs = self.cast_outputs(self._call_for_arrays(*args, **kwargs))
        given = {id(leaf) for leaf in nest.flatten((args, kwargs))}
        # An output that is an input is an array of its own, which has a mask of its own.
        return nest.map_structure(lambda y: y[...] if id(y) in given else y, outputs)

    def recorded(self, recording: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Returns what `record` does, and notes what the activity regularizer adds to the loss."""
        if self.narrows:
            outputs, pullback = half_precision.recorded(self, recording, args, kwargs)
        else:
            outputs, pullback = self.record(recording, *args, **kwargs)
        if not added_losses.regularizes(self):
            return outputs, pullback
        return added_losses.with_penalties(self, recording, outputs, pullback)

    def check_regularizer(self) -> None:
        """Rejects an `activity_regularizer` that training cannot add to the loss.

        Raises:
            UnsupportedError: If the class of one from a file is not there.
        """
        if isinstance(self.activity_regularizer, Mapping):
            raise UnsupportedError(
                f"{self.label}: the class of {dict(self.activity_regularizer)} is not known; "
                "register it with rnnext.saving.register_keras_serializable before the model is "
                "made."
            )

    def add_loss(self, loss: Any) -> None:
        """Adds to the loss of the model, in `call`.

        Args:
            loss: What `call` computed: a number as an array, or several.

        Raises:
            DataError: If it is no array.

        Example:
            >>> import numpy as np
            >>> from rnnext.layers import Layer
            >>> class Sparse(Layer):
            ...     def call(self, inputs):
            ...         self.add_loss(0.5 * np.sum(np.abs(inputs)))
            ...         return inputs
            >>> layer = Sparse()
            >>> y = layer(np.ones((2, 3), "float32"))
            >>> [float(loss) for loss in layer.losses]
            [3.0]
        """
        added_losses.add(self, loss)

    @property
    def losses(self) -> list[Any]:
        """What the last call added to the loss, and the regularizers of the weights add now."""
        found = added_losses.added_to(self._with_descendants())
        weights = [v for v in self.trainable_weights if v.regularizer is not None]
        return found + [v.regularizer(v.value) for v in weights]

    def _carried_masks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The masks that arrays carry, nested as they are, by argument; {} if none carries one."""
        masks = masks_of((args, kwargs))
        if masks is None:
            return {}
        mask_args, mask_kwargs = masks
        return CallArguments(type(self).call, mask_args, mask_kwargs, self.label).named

    def _call_symbolic(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = CallArguments(type(self).call, args, kwargs, self.label)
        self._check_tensor_dtypes((args, kwargs))
        check_inputs(self.input_spec, call.first, self.label)
        self._ensure_built(call)
        outputs = self.cast_outputs(self.compute_output_spec(*args, **kwargs))
        self._after_first_call()
        Node(self, args, kwargs, outputs)
        return outputs

    def _after_first_call(self) -> None:
        """After the first call the layer is built, and plain arrays may go straight to `call`."""
        if not self.built:  # to set an attribute anew would drop what is packed
            self.built = True
        direct = (
            self._call_checks_input
            and not self.makes_mask
            and not self.narrows
            and not added_losses.regularizes(self)
        )
        if direct and not self._direct:
            self.__dict__["_direct"] = True

    @property
    def narrows(self) -> bool:
        """Whether outputs are rounded to half precision after they were computed."""
        return self.output_dtype != self.compute_dtype

    def cast_outputs(self, outputs: Any) -> Any:
        """Returns outputs of `call`, or symbolic ones, in the dtype that Keras returns."""
        if not self.narrows:
            return outputs

        def narrow(y: Any) -> Any:
            if isinstance(y, KerasTensor):
                if y.dtype == self.compute_dtype:
                    y.dtype = self.output_dtype
            elif (isinstance(y, np.ndarray) or is_traced(y)) and y.dtype == self.compute_dtype:
                return cast(y, self.output_dtype)
            return y

        return nest.map_structure(narrow, outputs)

    def program_function(self, runner: Any = None) -> Callable[..., Any]:
        """Returns what a program calls, with arrays of the dtypes of `input_dtype`.

        Args:
            runner: What computes the outputs in place of `call`; a stream gives one.
        """
        function = runner or self._bare_call
        if runner is None:
            cls = type(self)
            if cls.__call__ is not cls._builtin_call and self.mask_rule is not MaskRule.JOINT:
                return self
            if not serialization.is_builtin(cls):
                function = self._call_for_arrays
        if not self.narrows:
            return function
        return lambda *args, **kwargs: self.cast_outputs(function(*args, **kwargs))

    def _call_for_arrays(self, *args: Any, **kwargs: Any) -> Any:
        """`call` of a user's layer, which may return lists or other dtypes."""

        def to_array(y: Any) -> Any:
            if self.reads_strings and holds_strings(y):
                return as_strings(y, f"output of {self.label}")
            array = as_array(y, f"output of {self.label}")
            return cast(array, self.compute_dtype) if array.dtype.kind == "f" else array

        return nest.map_structure(to_array, self.call(*args, **kwargs))

    def _convert(self, inputs: Any) -> Any:
        """First argument of a call as arrays; a list of numbers is one array."""
        if isinstance(inputs, (list, tuple)):
            leaves = nest.flatten(inputs)
            if leaves and not hasattr(leaves[0], "shape") and leaves[0] is not None:
                inputs = self._as_array(inputs)
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
        array = self._as_array(x)
        return array if array.dtype == object else cast(array, self.input_dtype(array.dtype))

    def _as_array(self, x: Any) -> NDArray[Any]:
        name = f"input of {self.label}"
        return as_strings(x, name) if self.reads_strings and holds_strings(x) else as_array(x, name)

    @property
    def reads_strings(self) -> bool:
        """Whether inputs may be strings; a user's layer gets them as arrays of byte strings."""
        return not serialization.is_builtin(type(self))

    @property
    def declared_input_dtype(self) -> str:
        """Name of the dtype of a model's input that this layer is the first to read."""
        return self.output_dtype

    def input_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """The dtype in which an input of this dtype reaches `call`."""
        if dtype.kind in "bO":
            return dtype
        if self.autocast and (dtype.kind not in "iu" or self._casts_integers):
            return np.dtype(self.compute_dtype)
        return dtype.newbyteorder("=")

    def implicit_masks(self, call: CallArguments) -> dict[str, str]:
        """Which mask arguments get the masks that tensors carry, and which tensors those are.

        As in Keras 3, `mask` is filled in only if there is one tensor argument: an RNN that is
        given an initial_state as well must be given the mask explicitly, unless it is given
        constants, which only Keras 2 knows. With several, each has its own: `query_mask` for
        `query`.
        """
        names = list(call.tensors)
        one = len(names) == 1 or self.quirks.masked_with_states or "constants" in names
        wanted = {"mask": names[0]} if one else {f"{name}_mask": name for name in names}
        absent = None if self.quirks.masks_by_keyword else NOT_GIVEN
        return {m: tensors for m, tensors in wanted.items() if call.named.get(m, absent) is None}

    def _call_as_keras2(self) -> None:
        """Notes that the layer is of a file of Keras 2, which may give its `call` more."""
        is_own = not serialization.is_builtin(type(self))
        by_keyword = is_own and takes_any_keyword(type(self).call)
        self.quirks = self.quirks.with_(masks_by_keyword=by_keyword)

    # Masks, shapes -----------------------------------------------------------------------------

    @property
    def mask_rule(self) -> MaskRule:
        """What the layer does with the masks of its inputs."""
        if not self.supports_masking:
            return MaskRule.DROP
        return self._mask_rule if _is_overridden(self, "compute_mask") else MaskRule.KEEP

    @property
    def makes_mask(self) -> bool:
        """Whether the outputs can have a mask although the inputs have none."""
        return self.mask_rule in (MaskRule.MAKE, MaskRule.JOINT)

    def _with_masks(self, inputs: Any, mask: Any, outputs: Any) -> Any:
        masked = any(m is not None for m in nest.flatten(mask))
        if self.mask_rule is MaskRule.DROP or not (masked or self.makes_mask):
            return outputs
        flat = nest.flatten(outputs)
        masks = nest.flatten(self.compute_mask(inputs, mask))
        for i, (array, out_mask) in enumerate(zip(flat, masks, strict=False)):
            is_array = isinstance(array, np.ndarray) or is_traced(array)
            if out_mask is not None and mask_of(array) is None and is_array:
                flat[i] = with_mask(array, out_mask)
        return nest.pack_like(outputs, flat)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the shape of the outputs for inputs of this shape.

        A layer that does not override it is run on zeros of two sizes instead.
        """
        raise NotImplementedError(f"{type(self).__name__} has no compute_output_shape() method.")

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns symbolic tensors like the outputs of `call` on these arguments."""
        if not _is_overridden(self, "compute_output_shape"):
            return probe_output(self, args, kwargs)
        if _has_another_call(self):
            try:
                return probe_output(self, args, kwargs)
            except UnsupportedError:  # a call that zeros do not suit; Keras 3 asks the method, too
                pass
        call = CallArguments(type(self).call, args, kwargs, self.label)
        method = type(self).compute_output_shape
        shapes = shape_arguments(method, call.shapes(), self.label)
        outputs = self.compute_output_shape(**shapes)
        return tensors_of_shapes(outputs, self.compute_dtype, self.name)

    # Streams -----------------------------------------------------------------------------------

    def streamed(self, call: StreamedCall) -> Streamed:
        """Says how a call of this layer on sequences is streamed; see `rnnext.Stream`.

        Raises:
            UnsupportedError: If it needs steps that a stream does not have, or nothing is known
                about it.
        """
        call.only_sequences()
        axes = self._joined_axes(call.rank)
        if axes is None:
            call.raise_not_streamable()
        option = f"axis={self.axis!r}" if hasattr(self, "axis") else ""
        return call.per_step(axes, option)

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        """Axes that the layer mixes, or along which it has per-position weights.

        Args:
            rank: The number of axes of the inputs, batch and time among them.

        Returns:
            The axes, negative ones counted from the end; None: nothing is known.
        """
        return None

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
        order = self._options if self._config_order is None else self._config_order
        config.update(options_config(self, order))
        config.update(self.quirks.get_config(self._known_quirks))
        is_own = not serialization.is_builtin(type(self))
        if is_own and not self._options and not _is_overridden(self, "get_config"):
            config.update(constructor_arguments(self, self.__dict__["_construction"]))
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes a layer from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def _repr_html_(self) -> str:
        """The options and weights as a table: what a notebook shows."""
        from rnnext.layers.layer_html import layer_html

        return layer_html(self)


def _is_overridden(layer: Layer, method: str) -> bool:
    return getattr(type(layer), method) is not getattr(Layer, method)


def _call_is_new(cls: type[Layer]) -> bool:
    """Whether a class has another `call` than its base layers: its own, or a mixin's."""
    owner = next(base for base in cls.__mro__ if "call" in base.__dict__)
    return owner is cls or not issubclass(owner, Operation)


def _has_another_call(layer: Layer) -> bool:
    """Whether a user's `call` stands above the `compute_output_shape` that the class inherits.

    The outputs of a layer that is stateful are not tried out: that would change its states.
    """
    mro = type(layer).__mro__
    owner, other = (
        next(cls for cls in mro if method in cls.__dict__)
        for method in ("call", "compute_output_shape")
    )
    is_above = mro.index(owner) < mro.index(other) and not owner.__module__.startswith("rnnext.")
    return is_above and not getattr(layer, "stateful", False)


def _finish_build(build: Callable[..., None]) -> Callable[..., None]:
    """Wraps a subclass's build(): afterwards the layer is built, or, if it raised, untouched."""

    @functools.wraps(build)
    def build_and_record(self: Layer, *args: Any, **kwargs: Any) -> None:
        own_variables = list(self._own_variables)
        try:
            with layer_scope(self):
                build(self, *args, **kwargs)
        except BaseException:
            self._own_variables = own_variables
            self.built = False
            raise
        names = positional_arguments(build)
        self._build_shapes = {**dict(zip(names, args, strict=False)), **kwargs}
        self.built = True
        for option in ("activation", "recurrent_activation"):
            _build_activation(self, option, next(iter(self._build_shapes.values()), None))

    return build_and_record


def _build_activation(layer: Layer, option: str, input_shape: Any) -> None:
    """Builds an activation that is a layer with weights, such as PReLU."""
    activation = getattr(getattr(layer, option, None), "function", None)
    if isinstance(activation, Layer) and not activation.built:
        if not _is_overridden(layer, "compute_output_shape"):
            raise UnsupportedError(
                f"{layer.label}: {option} {activation!r} has weights, and the shape it is "
                "applied to is not known; make it a layer of its own."
            )
        shape = layer.compute_output_shape(input_shape)
        while isinstance(shape[0], (list, tuple)):  # a cell returns its states, too
            shape = shape[0]
        activation.build(shape)


def _as_shapes(value: Any) -> Any:
    """A shape, or a nested structure of shapes, that JSON turned into lists."""
    if isinstance(value, dict):
        return {key: _as_shapes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if all(item is None or isinstance(item, int) for item in value):
            return tuple(value)
        return [_as_shapes(item) for item in value]
    return value


def tensors_of_shapes(shapes: Any, dtype: str, name: str) -> Any:
    """Symbolic tensors for a shape or a nested structure of shapes."""
    if isinstance(shapes, dict):
        return {key: tensors_of_shapes(shape, dtype, name) for key, shape in shapes.items()}
    if all(size is None or isinstance(size, (int, np.integer)) for size in shapes):
        return KerasTensor(shapes, dtype, name)
    parts = [tensors_of_shapes(shape, dtype, name) for shape in shapes]
    return tuple(parts) if isinstance(shapes, tuple) else parts
