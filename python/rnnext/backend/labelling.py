"""Connectionist temporal classification of the older backend: the last class is the blank."""

from __future__ import annotations

from typing import Any

from rnnext import ops, settings
from rnnext.autodiff.watchable import watchable, with_numpy
from rnnext.errors import UnsupportedError

__all__ = ["ctc_batch_cost", "ctc_decode"]


@with_numpy
def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """Returns the loss of labels whose places in time are unknown; see `rnnext.losses.ctc`.

    Args:
        y_true: (N, L) labels, integers from 0 to K - 2.
        y_pred: (N, T, K) probabilities; the last class is the blank.
        input_length: (N, 1) how many steps of each sample there are.
        label_length: (N, 1) how many labels.

    Returns:
        (N, 1).

    Example:
        >>> import numpy as np
        >>> y_pred = np.full((1, 3, 4), 0.25, "float32")
        >>> ctc_batch_cost([[0, 1]], y_pred, [[3]], [[2]]).numpy().round(4)  # 5 of 64 ways
        array([[2.5494]], dtype=float32)
    """
    losses = ops.ctc_loss(y_true, _logs(y_pred), label_length, input_length, mask_index=-1)
    return ops.expand_dims(losses, -1)


def _logs(y_pred: Any) -> Any:
    return ops.log(ops.add(y_pred, settings.epsilon()))


def ctc_decode(
    y_pred: Any,
    input_length: Any,
    greedy: bool = True,
    beam_width: int = 100,  # noqa: ARG001
    top_paths: int = 1,  # noqa: ARG001
) -> tuple[list[Any], Any]:
    """Returns the labels of the likeliest class of each step.

    Args:
        y_pred: (N, T, K) probabilities; the last class is the blank.
        input_length: (N,) how many steps of each sample there are.
        greedy: Must be true.
        beam_width: Ignored.
        top_paths: Ignored.

    Returns:
        A list of one array (N, T) of labels, filled up with -1, and the negative logarithms of
        the probability of the classes (N, 1).

    Raises:
        UnsupportedError: If `greedy` is false.

    Example:
        >>> import numpy as np
        >>> y_pred = np.eye(3)[[[0, 0, 2, 1]]]
        >>> ctc_decode(y_pred, [4])[0][0].numpy()
        array([[ 0,  1, -1, -1]])
    """
    if not greedy:
        raise UnsupportedError(
            "ctc_decode: greedy must be True; rnnext has no search of beams of labels."
        )
    decoded, scores = ops.ctc_decode(_logs(y_pred), input_length, mask_index=None)
    return [watchable(decoded[0].astype("int64"))], watchable(scores.astype("float32"))
