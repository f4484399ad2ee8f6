"""Ctrl-C, SIGTERM and SIGHUP: the first stops cleanly, the second exits immediately.

A second SIGHUP is ignored: when a terminal closes, the kernel and the shell each send one.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

_EXIT = 130
_ONCE = b"\nbackhaul: stopping; the next run continues from here (press Ctrl-C again to exit immediately)\n"


@contextmanager
def interruptible(stop: Callable[[], None] | None = None, *, note: bool = True) -> Iterator[None]:
    """Within the context, the first signal calls ``stop`` and the second exits the process.

    Args:
        stop: called from the signal handler; if None, KeyboardInterrupt is raised instead.
        note: print a message on stderr on the first signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    times = 0

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        nonlocal times
        times += 1
        if times > 1 and number == signal.SIGHUP:
            return
        if times > 1:
            _exit()
        if stop is None:
            raise KeyboardInterrupt
        if note:
            with suppress(OSError):
                os.write(2, _ONCE)
        stop()

    before: dict[int, Any] = {}
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Leave signals alone that the parent process ignores (nohup, a shell's &).
        if signal.getsignal(each) is not signal.SIG_IGN:
            before[each] = signal.signal(each, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit() -> NoReturn:
    if "backhaul.secret_command" in sys.modules:
        sys.modules["backhaul.secret_command"].terminate_all()
    os._exit(_EXIT)
