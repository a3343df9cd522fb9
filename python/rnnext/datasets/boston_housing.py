"""Prices of houses in Boston. One of its features supposes that people live apart by race."""

from rnnext.datasets import _files, _splitting

__all__ = ["load_data"]


def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> _files.Split:
    """Returns features of houses and their prices in thousands of dollars.

    Args:
        path: Name of the file in the cache, or an absolute path.
        test_split: Share of the samples for the test.
        seed: Seed of the order of the samples.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: float64 (N, 13) and (N,).

    Raises:
        FileError: If the file cannot be downloaded or read.
        UnsupportedError: If `test_split` is not from 0 to below 1.
    """
    file = _files.fetch(
        path,
        "boston_housing.npz",
        "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    )
    x, y = _files.read_npz(file, ("x", "y"))
    return _splitting.shuffled_split(x, y, test_split, seed)
