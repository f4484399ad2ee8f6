"""Memory that is freed and wanted again at once, for the texts that files unpack to."""

import ctypes
import sys
from functools import cache

# The numbers that mallopt(3) knows them by.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_KEPT = 16 << 20
_MAPPED = 4 << 20


@cache
def keep_freed() -> None:
    """Has glibc keep a few MB that are freed, rather than give them back for a moment.

    Each body of some hundred KB would otherwise have its pages taken from the system anew: with
    files of 330 KB that is half of the system's time, and a tenth of the whole. Elsewhere this does
    nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_MMAP_THRESHOLD, _MAPPED)
