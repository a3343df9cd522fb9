"""Small photographs of a hundred kinds of things."""

from rnnext.datasets import _cifar, _files
from rnnext.errors import UnsupportedError as _UnsupportedError

__all__ = ["load_data"]

_HASH = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"


def load_data(label_mode: str = "fine") -> _files.Split:
    """Returns small photographs and what they show.

    Args:
        label_mode: `"fine"`: labels of 100 kinds; `"coarse"`: of 20 groups of kinds.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 (50000, 32, 32, 3) and int64 (50000, 1);
        10000 of both for the test.

    Raises:
        FileError: If the archive cannot be downloaded or read.
        UnsupportedError: If `label_mode` is another one.
    """
    if label_mode not in ("fine", "coarse"):
        raise _UnsupportedError(
            f"cifar100: label_mode must be 'fine' or 'coarse', received {label_mode!r}."
        )
    labels = f"{label_mode}_labels"
    train = _cifar.read_parts("cifar-100-python", _HASH, ["train"], labels)
    return train, _cifar.read_parts("cifar-100-python", _HASH, ["test"], labels)
