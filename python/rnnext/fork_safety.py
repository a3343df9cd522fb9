"""Locks that a forked child finds free."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    Lock = TypeVar("Lock", threading.Lock, threading.RLock)

__all__ = ["held_at_fork"]


def held_at_fork(lock: Lock) -> Lock:
    """Has the forking thread hold `lock` at every fork, and returns it.

    A lock that another thread holds at that moment would stay locked in the child, which has no
    such thread. Locks are taken in the reverse order of these calls: of two that one thread may
    hold at a time, the outer one comes last.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )
    return lock
