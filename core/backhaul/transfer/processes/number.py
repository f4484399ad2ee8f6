"""How many worker processes a run may have, and for how many files."""

import os
from typing import Final

MUCH: Final = 250  # minimum number of files for which ``auto`` considers workers
_MOST: Final = 8  # of ``auto``


def how_many(workers: str | int) -> int:
    """What the setting allows: ``auto`` is one per core, within limits."""
    return workers if isinstance(workers, int) else min(_MOST, _cores())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
