"""How long may pass between a stop and the end of what it stops, and other things that happen at once.

What hangs without the stop hangs for 20 seconds or more, so that a longer limit finds the same faults. On a machine with
nothing else to do, ``BACKHAUL_SOON=2 pytest ...`` checks the two seconds that are promised.
"""

import os
import time
from collections.abc import Callable

SOON = float(os.environ.get("BACKHAUL_SOON", "10"))


def soon(condition: Callable[[], object]) -> bool:
    """Whether something becomes true before then."""
    end = time.monotonic() + SOON
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
