"""Ties a process to the one that started it."""

import ctypes
import os
import signal
import sys
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG


def belong_to(parent: int) -> None:
    """Ends this process together with its parent, which alone handles signals from users and writes to stdout."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)  # for the output of plugins
    os.close(null)
