"""Keras's operations: functions on arrays that functional models can also record.

Applied to arrays they compute, with Keras's dtype rules; applied to symbolic tensors they add a
node to the graph, as Keras 3 files have them beside layers.

Example:
    >>> from rnnext import ops
    >>> from rnnext.layers import Input
    >>> from rnnext.models import Model
    >>> ops.add([1, 2], 0.5)
    array([1.5, 2.5], dtype=float32)
    >>> x = Input((3,))
    >>> model = Model(x, ops.expand_dims(ops.sum(x, axis=-1), axis=-1))
    >>> model.output_shape
    (None, 1)
"""

from rnnext import lazy as _lazy

__all__, __getattr__, __dir__ = _lazy.attach(__name__)
