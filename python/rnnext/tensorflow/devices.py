"""What TensorFlow asks and tells about devices: rnnext runs on the processor."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from rnnext import settings
from rnnext.errors import UnsupportedError

__all__ = [
    "PhysicalDevice",
    "accept",
    "device",
    "enabled",
    "executing_eagerly",
    "get_intra_op_parallelism_threads",
    "gpu_device_name",
    "is_gpu_available",
    "list_physical_devices",
    "set_intra_op_parallelism_threads",
]


class PhysicalDevice(NamedTuple):
    """A device: its name and its type."""

    name: str
    device_type: str


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """Returns the processor, or nothing for another type.

    Args:
        device_type: `"CPU"`, `"GPU"`, ...; None: all.

    Example:
        >>> list_physical_devices("GPU")
        []
    """
    found = [PhysicalDevice("/physical_device:CPU:0", "CPU")]
    return [device for device in found if device_type in (None, device.device_type)]


def accept(*args: Any, **kwargs: Any) -> None:
    """Does nothing: the setting concerns something rnnext lacks, such as a GPU's memory."""


def enabled(*args: Any, **kwargs: Any) -> bool:  # noqa: ARG001
    """Returns True: every function runs eagerly."""
    return True


def executing_eagerly() -> bool:
    """Returns True: layers compute when they are called."""
    return True


def is_gpu_available(*args: Any, **kwargs: Any) -> bool:  # noqa: ARG001
    """Returns False."""
    return False


def gpu_device_name() -> str:
    """Returns the empty string: there is none."""
    return ""


def set_intra_op_parallelism_threads(num_threads: int) -> None:
    """Sets how many threads one call of a layer may use; 0 changes nothing."""
    if num_threads:
        settings.set_num_threads(num_threads)


def get_intra_op_parallelism_threads() -> int:
    """Returns how many threads one call of a layer may use."""
    return settings.get_num_threads()


@contextlib.contextmanager
def device(device_name: Any) -> Iterator[None]:
    """A context in which computations are placed on the processor.

    Args:
        device_name: `"/CPU:0"`, `"cpu"` or None.

    Raises:
        UnsupportedError: If it names another device.
    """
    name = str(device_name or "cpu").lower()
    if "cpu" not in name:
        raise UnsupportedError(
            f"device {device_name!r} is not there; accepted: '/CPU:0'; rnnext has no GPU."
        )
    yield
