"""The file `checkpoint` of a folder: which checkpoints there are, and which is the last."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from rnnext.saving.formats.replacement import write_file

__all__ = ["checkpoint_file", "latest_checkpoint", "write_state"]

_LAST = re.compile(r'^model_checkpoint_path: "(.*)"$', re.MULTILINE)


def checkpoint_file(prefix: str | os.PathLike[str]) -> Path:
    """The file of a checkpoint.

    Args:
        prefix: The path that `Checkpoint.save` returned.
    """
    return Path(f"{os.fspath(prefix)}.npz")


def write_state(prefixes: Sequence[str]) -> None:
    """Writes the file `checkpoint`, as TensorFlow does.

    Args:
        prefixes: Paths of the checkpoints, the last one last; all in one folder.
    """
    folder = Path(prefixes[-1]).parent
    names = [Path(prefix).name for prefix in prefixes]
    lines = [f'model_checkpoint_path: "{names[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    write_file(folder / "checkpoint", ("\n".join(lines) + "\n").encode())


def latest_checkpoint(
    checkpoint_dir: str | os.PathLike[str], latest_filename: str | None = None
) -> str | None:
    """Returns the path of the last checkpoint that `Checkpoint.save` wrote, or None.

    Args:
        checkpoint_dir: The folder.
        latest_filename: Name of the file that says it; None: `checkpoint`.

    Example:
        >>> latest_checkpoint("no/such/folder") is None
        True
    """
    state = Path(checkpoint_dir) / (latest_filename or "checkpoint")
    found = _LAST.search(state.read_text("utf-8")) if state.is_file() else None
    if found is None:
        return None
    prefix = os.path.join(os.fspath(checkpoint_dir), found[1])
    return prefix if checkpoint_file(prefix).is_file() else None
