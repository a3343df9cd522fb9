"""What programs of TensorFlow 1 do to set up its sessions: here there is nothing to set up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn

from rnnext.errors import UnsupportedError

__all__ = ["ConfigProto", "GPUOptions", "Session", "set_session"]


class GPUOptions(SimpleNamespace):
    """Settings of a GPU, which are kept and change nothing.

    Args:
        **kwargs: The settings.

    Example:
        >>> GPUOptions(allow_growth=True).allow_growth
        True
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class ConfigProto(SimpleNamespace):
    """Settings of a session, which are kept and change nothing.

    Args:
        gpu_options: A `GPUOptions`.
        **kwargs: Other settings, such as `allow_soft_placement`.

    Example:
        >>> config = ConfigProto()
        >>> config.gpu_options.allow_growth = True
    """

    def __init__(self, gpu_options: Any = None, **kwargs: Any) -> None:
        super().__init__(gpu_options=gpu_options or GPUOptions(), **kwargs)


class Session:
    """A session that programs make to hand its settings to Keras.

    Args:
        target: Ignored.
        graph: Ignored.
        config: Ignored.

    Example:
        >>> from rnnext import backend
        >>> backend.set_session(Session(config=ConfigProto(allow_soft_placement=True)))
    """

    def __init__(self, target: str = "", graph: Any = None, config: Any = None) -> None:
        del target
        self.graph, self.config = graph, config

    def run(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Is there for its error.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            "Session.run is not there: it belongs to the graphs and sessions of TensorFlow 1; "
            "layers compute when called."
        )

    def close(self) -> None:
        """Does nothing."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        """Does nothing."""


def set_session(session: Any) -> None:
    """Does nothing: no session computes here.

    Args:
        session: Ignored.
    """
