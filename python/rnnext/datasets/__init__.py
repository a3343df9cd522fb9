"""Keras's data sets, downloaded once into Keras's cache (`~/.keras/datasets`).

Downloading needs the package `pooch`: `pip install 'rnnext[datasets]'`. Where a function has an
argument `path`, the absolute path of a file is read as it is, without a download.
"""

from rnnext.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]


def __dir__() -> list[str]:
    return sorted(__all__)
