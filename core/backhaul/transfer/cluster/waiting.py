"""How long a run waits while the cluster has no worker that it can use."""

import logging
import time
from typing import Final

from backhaul.errors import UnreachableError
from backhaul.wording import count

log = logging.getLogger(__name__)

_SAY: Final = 10.0  # seconds before a warning
_PATIENCE: Final = 120.0  # seconds before the run ends


class Waiting:
    """Waits for a worker, from now on.

    Args:
        address: the scheduler's, for messages.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._since = time.monotonic()
        self._said = False

    def look(self, now: float, *, paused: int) -> None:
        """There is still none, or only this many that Dask has paused. Raises UnreachableError after a while."""
        alone = now - self._since
        if alone > _PATIENCE and paused:
            raise UnreachableError(
                f"Dask has paused {count(paused, 'worker')}, which is short of memory, and"
                f" there is no other; start more at {self._address}, or raise --memory-limit"
            )
        if alone > _PATIENCE:
            raise UnreachableError(
                f"the Dask scheduler at {self._address} has had no worker for {_PATIENCE:.0f} seconds;"
                f" start some: dask worker {self._address}"
            )
        if alone > _SAY and not (self._said or paused):
            self._said = True
            log.warning(
                "the Dask scheduler at %s has no worker yet; waiting up to %.0f seconds;"
                " start some: dask worker %s",
                self._address,
                _PATIENCE,
                self._address,
            )
