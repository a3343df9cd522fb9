"""Prices of houses in California."""

from rnnext.datasets import _files, _splitting
from rnnext.errors import UnsupportedError as _UnsupportedError

__all__ = ["load_data"]


def load_data(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> _files.Split:
    """Returns features of districts and the median price of their houses in dollars.

    Args:
        version: `"large"`: all 20640 samples; `"small"`: the first 600.
        path: Name of the file in the cache, or an absolute path.
        test_split: Share of the samples for the test.
        seed: Seed of the order of the samples.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: float32 (N, 8) and (N,).

    Raises:
        FileError: If the file cannot be downloaded or read.
        UnsupportedError: If the version is another one, or `test_split` is not from 0 to below 1.
    """
    if version not in ("small", "large"):
        raise _UnsupportedError(
            f"california_housing: version must be 'small' or 'large', received {version!r}."
        )
    file = _files.fetch(
        path,
        "california_housing.npz",
        "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    )
    x, y = _files.read_npz(file, ("x", "y"))
    count = 600 if version == "small" else len(x)
    return _splitting.shuffled_split(x[:count], y[:count], test_split, seed)
