"""Ctrl-C held back while something must be finished."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["HeldInterrupts"]


class HeldInterrupts:
    """A context inside which Ctrl-C waits: its handler is called when the context ends.

    Only the main thread is ever interrupted, so elsewhere it does nothing; nor where SIGINT has no
    handler in Python. Entering and leaving it takes about 2 us.

    Example:
        >>> import signal
        >>> try:
        ...     with HeldInterrupts():
        ...         signal.raise_signal(signal.SIGINT)
        ...         print("finished")
        ... except KeyboardInterrupt:
        ...     print("interrupted")
        finished
        interrupted
    """

    __slots__ = ("_handler", "_received")

    def __enter__(self) -> None:
        self._handler: Any = None
        self._received: tuple[int, FrameType | None] | None = None
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                signal.signal(signal.SIGINT, self._note)
                self._handler = handler

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._handler is None:
            return
        signal.signal(signal.SIGINT, self._handler)
        if self._received is not None:
            self._handler(*self._received)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._received = number, frame
