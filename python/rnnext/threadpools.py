"""A controller by which the library `threadpoolctl` sees and limits rnnext's own threads."""

from __future__ import annotations

from functools import cache

import threadpoolctl

from rnnext import _core

__all__ = ["RnnextController", "register"]


class RnnextController(threadpoolctl.LibController):  # type: ignore[misc] # it has no types
    """The number of `rnnext.set_num_threads`, for `threadpoolctl`."""

    user_api = "rnnext"
    internal_api = "rnnext"
    filename_prefixes = ("_core",)
    # Other packages have a _core, too; these symbols only rnnext's has.
    check_symbols = ("rnnext_get_num_threads", "rnnext_set_num_threads")

    def get_num_threads(self) -> int:
        """Returns the number that was set, whatever limits OpenMP has."""
        return int(self.dynlib.rnnext_get_num_threads())

    def set_num_threads(self, num_threads: int) -> None:
        """Sets the number for the process."""
        self.dynlib.rnnext_set_num_threads(num_threads)

    def get_version(self) -> str:
        """Returns rnnext's version."""
        return _core.__version__

    def set_additional_attributes(self) -> None:
        """Adds who shares out work to what `threadpool_info` shows."""
        self.threading_layer = _core.threading()


@cache
def register() -> None:
    """Makes the controller known to `threadpoolctl`; a second time it does nothing."""
    threadpoolctl.register(RnnextController)
