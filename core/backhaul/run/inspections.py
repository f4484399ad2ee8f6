"""Checks the integrity of large ledgers in the background, while a run is being prepared."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from threading import Thread

from backhaul.errors import BackhaulError
from backhaul.ledger.database import ledger_path
from backhaul.ledger.ledger import inspected
from backhaul.storage.location import Location

log = logging.getLogger(__name__)

LARGE = 1 << 20  # bytes; smaller ledgers are checked faster than a thread starts


class Inspections:
    """Starts to check the ledgers of some destinations.

    A ledger that fails a check here is left to whoever opens it for the run, and reported there.
    """

    def __init__(self, dests: Iterable[Location]) -> None:
        self._threads: dict[Location, Thread] = {}
        self._sound: set[Location] = set()
        for dest in dict.fromkeys(dests):
            with suppress(OSError, RuntimeError):  # no ledger yet, or no more threads available
                if ledger_path(dest.workspace).stat().st_size >= LARGE:
                    thread = Thread(
                        target=self._inspect, args=(dest,), name="backhaul-inspect", daemon=True
                    )
                    thread.start()
                    self._threads[dest] = thread

    def sound(self, dest: Location) -> bool:
        """Waits for the destination's check; whether there was one that found no damage."""
        thread = self._threads.pop(dest, None)
        if thread is not None:
            thread.join()
        return dest in self._sound

    def _inspect(self, dest: Location) -> None:
        try:
            inspected(dest.workspace, readonly=True).abandon()
        except (BackhaulError, OSError) as error:
            log.debug("%s: the ledger's check is left to the run: %s", dest, error)
        else:
            self._sound.add(dest)
