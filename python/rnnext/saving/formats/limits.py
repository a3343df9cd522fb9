"""Limits on the memory and work that a model file may ask for."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]

_MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds on what reading a model file may cost.

    The defaults are far above any published recurrent model. Pass a changed copy to
    :func:`rnnext.load_model` for a model that really is larger.

    Attributes:
        file_bytes: Largest file or byte string that is read into memory as a whole.
        archive_members: Most members an archive may list.
        weights_bytes: Most bytes that all weight arrays of one file may take once expanded;
            also the largest archive member.
        config_bytes: Largest ``config.json``, ``metadata.json`` or ``model_config``.
        config_depth: Deepest nesting of lists and objects in a configuration.
        expansion: Largest ratio of expanded to stored bytes. DEFLATE reaches 1032; a trained
            model's weights hardly compress at all.
        expansion_floor: Expanded sizes up to this many bytes are never called a bomb.
        hdf5_objects: Most groups and datasets of one HDF5 file.
        hdf5_depth: Deepest nesting of HDF5 groups.

    Example:
        >>> from rnnext.saving import Limits
        >>> Limits(weights_bytes=1 << 34).expansion
        100
    """

    file_bytes: int = 8192 * _MIB
    archive_members: int = 10_000
    weights_bytes: int = 4096 * _MIB
    config_bytes: int = 64 * _MIB
    config_depth: int = 100
    expansion: int = 100
    expansion_floor: int = 16 * _MIB
    hdf5_objects: int = 100_000
    hdf5_depth: int = 64
