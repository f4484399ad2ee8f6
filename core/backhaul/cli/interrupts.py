"""Ctrl-C, SIGTERM and SIGHUP: the first asks for a clean stop, the second ends at once.

A second SIGHUP does not: when a terminal goes away, the kernel and the shell send one each.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_EXIT = 130
_ONCE = b"\nbackhaul: stopping; what has arrived is kept (once more: at once)\n"


@contextmanager
def interruptible(stop: Callable[[], None] | None = None, *, note: bool = True) -> Iterator[None]:
    """While it lasts, the first signal calls ``stop`` and the second ends the process.

    Args:
        stop: safe in a signal handler; None: KeyboardInterrupt is raised.
        note: say on stderr that it was heard.
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
            os._exit(_EXIT)
        if stop is None:
            raise KeyboardInterrupt
        if note:
            with suppress(OSError):
                os.write(2, _ONCE)
        stop()

    before: dict[int, Any] = {}
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Whoever started us with a signal ignored (nohup, a shell's &) wants it so.
        if signal.getsignal(each) is not signal.SIG_IGN:
            before[each] = signal.signal(each, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
