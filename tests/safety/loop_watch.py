"""Watches the transfer loop's thread for calls that may wait for a disk, a program or a plugin."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from backhaul.storage import sync
from backhaul.transfer.loop import Loop

_LOOP = Loop.turn.__code__
_SYNCING = {os.fsync, os.fdatasync, os.sync}
_SYNCFS = getattr(sync.syncfs, "__code__", None)


class _OfLoop:
    """What the loops' threads were seen to do."""

    def __init__(self, hooks: frozenset[CodeType]) -> None:
        self.hooks = hooks
        self.seen: dict[threading.Thread, set[str]] = {}
        self.loops: set[threading.Thread] = set()

    def profile(self, frame: FrameType, event: str, arg: Any) -> None:
        """See sys.setprofile."""
        if event == "c_call":
            name = getattr(arg, "__qualname__", "")
            module = type(getattr(arg, "__self__", None)).__module__
            if arg in _SYNCING or module == "sqlite3":
                self.note(f"{name} in {_where(frame)}")
        elif event == "call":
            if frame.f_code is _LOOP:
                self.loops.add(threading.current_thread())
            elif frame.f_code is _SYNCFS:
                self.note(f"syncfs in {_where(frame.f_back)}")
            elif frame.f_code in self.hooks:
                self.note(f"the hook {frame.f_code.co_name}")

    def opened(self, path: object, flags: int) -> None:
        """A file was opened."""
        if isinstance(path, int) or flags & (os.O_NONBLOCK | os.O_DIRECTORY):
            return
        if flags & os.O_CREAT and flags & os.O_EXCL:
            return  # the file did not exist
        self.note(f"open of {path!r} in {_where(sys._getframe(2))}")

    def note(self, what: str) -> None:
        """A thread did something; it may be a loop's or another one."""
        self.seen.setdefault(threading.current_thread(), set()).add(what)


def _where(frame: FrameType | None) -> str:
    while frame is not None and "backhaul" not in frame.f_code.co_filename:
        frame = frame.f_back
    if frame is None:
        return "?"
    return f"{frame.f_code.co_filename.rpartition('backhaul/')[2]}:{frame.f_code.co_name}"


_watching: list[_OfLoop] = []


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and _watching:
        path, _, flags = args
        _watching[-1].opened(path, flags or 0)


_installed: list[Callable[..., None]] = []


@contextmanager
def watched(*hooks: Callable[..., Any]) -> Iterator[Callable[[], set[str]]]:
    """Watches the loops of runs started within; yields a function that returns their blocking calls.

    Args:
        hooks: hooks of a plugin.
    """
    if not _installed:  # audit hooks cannot be removed
        sys.addaudithook(_audit)
        _installed.append(_audit)
    watch = _OfLoop(frozenset(hook.__code__ for hook in hooks))
    _watching.append(watch)
    threading.setprofile(watch.profile)
    sys.setprofile(watch.profile)
    try:
        yield lambda: {what for loop in watch.loops for what in watch.seen.get(loop, ())}
        assert watch.loops, "no loop was seen"
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        _watching.pop()
