"""What a measurement ran on."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

_CPU = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_MOST_DRAM_BYTES = 512 << 20


@dataclass(frozen=True)
class Caches:
    """Sizes in bytes of the data caches of one core; L3 is shared."""

    L1: int
    L2: int
    L3: int

    def buffer_sizes(self) -> dict[str, int]:
        """For each level a size that is read from it, with room for what else is in there."""
        return {
            "L1": self.L1 // 2,
            "L2": self.L2 // 2,
            "L3": min(4 * self.L2, self.L3 // 2),
            "DRAM": min(4 * self.L3, _MOST_DRAM_BYTES),
        }

    def level_of(self, size: float) -> str:
        """The nearest cache that has room for so many bytes and something more."""
        for level, capacity in asdict(self).items():
            if size < capacity:
                return str(level)
        return "DRAM"


def read_caches() -> Caches:
    """The caches as Linux tells them.

    Raises:
        OSError: It does not (another system, or some containers).
    """
    sizes = {}
    for index in sorted(_CPU.glob("index*")):
        level, kind, size = (
            (index / name).read_text().strip() for name in ("level", "type", "size")
        )
        if kind != "Instruction":
            sizes[f"L{level}"] = int(size[:-1]) * _UNITS[size[-1]]
    missing = {"L1", "L2", "L3"} - set(sizes)
    if missing:
        raise OSError(f"{_CPU} does not tell the size of {', '.join(sorted(missing))}")
    return Caches(sizes["L1"], sizes["L2"], sizes["L3"])


def processor() -> str:
    """The processor's name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


def describe_machine(caches: Caches) -> dict[str, Any]:
    """Processor, caches, system and date."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "caches": asdict(caches),
        "system": platform.platform(),
        "python": platform.python_version(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """Version of each distribution that is installed."""
    found = {}
    for name in distributions:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
