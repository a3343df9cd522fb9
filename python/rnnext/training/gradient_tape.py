"""`GradientTape`: gradients of what a program computes line by line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnext import nest
from rnnext.autodiff.rules import lifted
from rnnext.autodiff.tape import Tape, active, without_shortcuts
from rnnext.autodiff.traced import Traced
from rnnext.autodiff.watchable import WatchableArray, watchable
from rnnext.dtypes import FLOAT_KINDS
from rnnext.errors import UnsupportedError
from rnnext.graph.recording import Recording
from rnnext.graph.row_gradient import RowGradient
from rnnext.layers import added_losses
from rnnext.layers.variable import Variable

__all__ = ["GradientTape"]


class _SharedTape(Tape):
    """What all GradientTapes that are open in a thread note on."""

    def __init__(self) -> None:
        super().__init__(Recording(training=False))
        self.users: list[GradientTape] = []
        self.was_shared = False


class GradientTape:
    """Notes what is computed inside its `with` block, and gives gradients of it.

    Layers, models, losses, `rnnext.ops`, the functions of `import rnnext as tf`, and NumPy's
    functions and operators are noted, as far as they compute from weights that are trained or from
    what is watched. Inside the block such results are traced arrays; after it they are computed
    with like any array.

    Several tapes may be open at once. Gradients of gradients are not there.

    Args:
        persistent: Whether `gradient` may be called more than once.
        watch_accessed_variables: Whether trained weights are watched when they are read; if not,
            `watch` says which are.

    Example:
        >>> import numpy as np
        >>> import rnnext as tf
        >>> model = tf.keras.Sequential([tf.keras.layers.Input((2,)), tf.keras.layers.Dense(1)])
        >>> model.set_weights([np.array([[1.0], [2.0]]), np.array([0.5])])
        >>> x, y = np.array([[1.0, 1.0]], "float32"), np.array([[2.0]], "float32")
        >>> with tf.GradientTape() as tape:
        ...     loss = tf.reduce_mean(tf.square(model(x, training=True) - y))
        >>> [g.tolist() for g in tape.gradient(loss, model.trainable_variables)]
        [[[3.0], [3.0]], [3.0]]
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = persistent
        self._watches_all = watch_accessed_variables
        self._tape: _SharedTape | None = None
        self._begin = 0
        self._end: int | None = None
        self._used = False
        self._watched: dict[int, Any] = {}
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> GradientTape:
        tape = active.tape
        if tape is not None and not isinstance(tape, _SharedTape):
            raise UnsupportedError(
                "GradientTape: it is opened inside the call() of a layer, or in a loss, that is "
                "itself being differentiated; gradients of gradients are not there."
            )
        if self._tape is not None:
            raise UnsupportedError("GradientTape: it was opened before; make a new one.")
        self._exit.enter_context(without_shortcuts())
        if tape is None:
            tape = _SharedTape()
            self._exit.enter_context(tape.running())
        else:
            tape.was_shared = True
        tape.users.append(self)
        self._tape, self._begin = tape, len(tape.entries)
        return self

    def __exit__(self, *_error: Any) -> None:
        tape = self._opened()
        self._end = len(tape.entries)
        tape.users.remove(self)
        if not tape.users:
            tape.is_open = False
            added_losses.keep(tape)
        self._exit.close()

    def _opened(self) -> _SharedTape:
        if self._tape is None:
            raise UnsupportedError("GradientTape: nothing is noted yet; use it in a `with` block.")
        return self._tape

    def watch(self, tensor: Any) -> None:
        """Notes what is computed from an array, or from a variable that is not trained.

        Args:
            tensor: A variable; what was computed inside the tape; what `tf.constant` or
                `tf.convert_to_tensor` returned; or a list or dictionary of these.

        Raises:
            UnsupportedError: If it is something else, such as a plain NumPy array.
        """
        tape = self._opened()
        for x in nest.flatten(tensor):
            if isinstance(x, Variable):
                if not x.trainable and x._owner is not None:
                    raise UnsupportedError(
                        f"GradientTape.watch: weight {x.path!r} is not trainable, and the gradient "
                        "rule of its layer leaves it out; set trainable = True."
                    )
                tape.node_of(x)
            elif isinstance(x, WatchableArray):
                if x.dtype.kind in FLOAT_KINDS:
                    tape.watched.setdefault(id(x), (x, tape.new_node()))
            elif type(x) is Traced:
                if x.node is None and x.dtype.kind in FLOAT_KINDS:
                    x.node, x.tape = tape.new_node(), tape
            else:
                raise UnsupportedError(
                    "GradientTape.watch: expected a variable or a tensor, received "
                    f"{type(x).__name__}; make a tensor with tf.convert_to_tensor(x) and compute "
                    "with that."
                )
            self._watched[id(x)] = x

    def watched_variables(self) -> tuple[Variable, ...]:
        """Returns the variables that were read inside the tape, or watched."""
        found = [variable for variable, _ in self._opened().variables.values()]
        return tuple(v for v in found if self._watches_all or id(v) in self._watched)

    @contextlib.contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Nothing is noted in this block, by any tape that is open."""
        tape = self._opened()
        was_open, tape.is_open = tape.is_open, False
        outer, active.tape = active.tape, None
        try:
            yield
        finally:
            tape.is_open, active.tape = was_open, outer

    def reset(self) -> None:
        """Forgets what was noted so far."""
        self._begin = len(self._opened().entries)

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: str = "none",
    ) -> Any:
        """Returns the gradients of a target, or of the sum of its elements.

        Args:
            target: What was computed inside the tape, or a list or dictionary of such arrays.
            sources: Variables and watched or computed arrays, nested as the result is wanted.
            output_gradients: Factors of the elements of the targets; default: 1.
            unconnected_gradients: What is returned for a source that the target does not depend
                on: `"none"`, None; `"zero"`, zeros.

        Returns:
            Arrays of the shapes of the sources, nested like them. For an embedding's table, a
            gradient that keeps the rows of each look-up apart, as optimizers need them; NumPy
            makes an array of it.

        Raises:
            UnsupportedError: If the tape is not persistent and was used, or a source is nothing
                that has a gradient.
        """
        wanted = str(getattr(unconnected_gradients, "value", unconnected_gradients))
        if wanted not in ("none", "zero"):
            raise UnsupportedError(
                "GradientTape.gradient: unconnected_gradients must be 'none' or 'zero', received "
                f"{unconnected_gradients!r}."
            )
        tape = self._opened()
        if self._used and not self._persistent:
            raise UnsupportedError(
                "A non-persistent GradientTape can only be used to compute one set of gradients; "
                "make it with GradientTape(persistent=True)."
            )
        self._used = True
        targets = [lifted(y) for y in nest.flatten(target)]
        factors: list[Any] = [None] * len(targets)
        if output_gradients is not None:
            several = nest.is_nested(target)
            factors = nest.flatten(output_gradients) if several else [output_gradients]
        seeds = [
            (y.node, _seed(y, factor))
            for y, factor in zip(targets, factors, strict=True)
            if type(y) is Traced and y.node is not None and y.tape is tape
        ]
        leaves = nest.flatten(sources)
        found = [
            self._finished(x, gradient, wanted, [node for node, _ in seeds])
            for x, gradient in zip(leaves, self._reversed(seeds, leaves), strict=True)
        ]
        if not self._persistent and not tape.users and not tape.was_shared:
            tape.entries = []  # what it holds is as large as all that was computed
        return nest.pack_like(sources, found) if nest.is_nested(sources) else found[0]

    def _reversed(self, seeds: list[tuple[int, Any]], sources: list[Any]) -> list[Any]:
        """The gradient of each source, None where there is none."""
        tape = self._opened()
        recording = tape.recording
        recording.gradients = {}
        entries = tape.entries
        tape.entries = entries[self._begin : self._end]
        try:
            by_node = tape.gradients(seeds)
        finally:
            tape.entries = entries
        by_weight, recording.gradients = recording.gradients, {}
        return [self._of(x, by_node, by_weight) for x in sources]

    def _of(self, x: Any, by_node: list[Any], by_weight: dict[int, Any]) -> Any:
        tape = self._opened()
        if isinstance(x, Variable):
            if not (self._watches_all or id(x) in self._watched):
                return None
            _, node = tape.variables.get(id(x), (x, None))
            parts = [by_weight.get(id(x)), None if node is None else by_node[node]]
            present = [part for part in parts if part is not None]
            return sum(present[1:], present[0]) if present else None
        if isinstance(x, WatchableArray):
            return by_node[tape.watched[id(x)][1]] if id(x) in self._watched else None
        if type(x) is Traced:
            return by_node[x.node] if x.node is not None and x.tape is tape else None
        raise UnsupportedError(
            "GradientTape.gradient: expected variables and watched tensors as sources, received "
            f"{type(x).__name__}."
        )

    def _finished(self, x: Any, gradient: Any, unconnected: str, targets: list[int]) -> Any:
        if gradient is None:
            return watchable(np.zeros(x.shape, x.dtype)) if unconnected == "zero" else None
        tape = self._opened()
        if isinstance(gradient, RowGradient):
            return gradient
        if tape.users:
            return _once_only(gradient, targets, tape)
        return watchable(np.asarray(gradient))

    def jacobian(self, target: Any, sources: Any, **_options: Any) -> Any:
        """Returns the derivatives of each element of a target.

        Args:
            target: An array that was computed inside the tape.
            sources: As in `gradient`.
            **_options: TensorFlow's, which do not change the result.

        Returns:
            Arrays of the target's shape followed by the source's, nested like the sources; None
            for a source that the target does not depend on.
        """
        self._opened()
        y = lifted(target)
        shape, persistent = np.shape(y), self._persistent
        rows = []
        self._persistent = True
        try:
            for i in range(int(np.prod(shape))):
                factors = np.zeros(shape, y.dtype)
                factors.flat[i] = 1
                rows.append(nest.flatten(self.gradient(y, sources, factors)))
        finally:
            self._persistent = persistent
        found = [
            None
            if parts[0] is None
            else watchable(
                np.stack([np.asarray(p) for p in parts]).reshape(*shape, *parts[0].shape)
            )
            for parts in zip(*rows, strict=True)
        ]
        return nest.pack_like(sources, found) if nest.is_nested(sources) else found[0]


def _seed(y: Traced, factor: Any) -> Any:
    if factor is None:
        return np.ones(y.shape, y.dtype)
    return np.broadcast_to(np.asarray(factor, y.dtype), y.shape)


def _once_only(gradient: Any, targets: list[int], tape: Tape) -> Traced:
    """A gradient inside a tape that is open: to differentiate it again is an error."""

    def reverse(_d: Any) -> list[Any]:
        raise UnsupportedError(
            "GradientTape: the target depends on a gradient that was computed inside the tape; "
            "gradients of gradients are not there."
        )

    node = tape.new_node()
    tape.entries.append((node, targets, reverse))
    return Traced(gradient, node, tape)
