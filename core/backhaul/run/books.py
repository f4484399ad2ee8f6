"""Ledgers and publishers, one of each a destination, and whether what is listed will fit."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from backhaul.errors import BackhaulError
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.oserrors import describe
from backhaul.run import disk
from backhaul.run.publisher import Publisher
from backhaul.run.task import Task
from backhaul.storage.place import MovedError

log = logging.getLogger(__name__)


class Books:
    """Opens ledgers as they are needed; ``flush`` publishes what is verified.

    Args:
        min_free: bytes that stay free on each destination's disk.
        trouble: told when a destination cannot be written any more, and why.
        moved: told of a job whose folder is not where it was.
    """

    def __init__(
        self,
        *,
        min_free: int,
        trouble: Callable[[Path, str], None],
        moved: Callable[[Task, MovedError], None],
    ) -> None:
        self._min_free = min_free
        self._trouble = trouble
        self._moved = moved
        self._ledgers: dict[Path, Ledger] = {}
        self._publishers: dict[Path, Publisher] = {}

    def open(self, dest: Path) -> Ledger:
        """The destination's ledger, found to be sound. Raises LedgerError, LockedError, DiskError."""
        ledger = self._ledgers.get(dest)
        if ledger is None:
            ledger = inspected(dest)
            self._ledgers[dest] = ledger
            self._publishers[dest] = Publisher(ledger, moved=self._moved)
        return ledger

    def get(self, dest: Path) -> Ledger | None:
        """The destination's ledger, if it could be opened."""
        return self._ledgers.get(dest)

    def publisher(self, dest: Path) -> Publisher:
        """The destination's publisher; its ledger is open."""
        return self._publishers[dest]

    @property
    def due(self) -> bool:
        """Whether verified files have waited long enough."""
        return any(publisher.due for publisher in self._publishers.values())

    def flush(self) -> None:
        """Publishes and records all that is verified."""
        for dest, publisher in self._publishers.items():
            try:
                publisher.flush()
            except BackhaulError as error:
                self._trouble(dest, error.message)
            except MovedError as error:
                self._trouble(dest, describe(error))
            except OSError as error:
                self._trouble(dest, f"cannot be written: {describe(error, dest)}")

    def commit(self) -> None:
        """Makes what was written lasting, so that other programs see it and can write too."""
        for dest, ledger in self._ledgers.items():
            try:
                ledger.commit()
            except BackhaulError as error:
                ledger.rollback()
                self._trouble(dest, error.message)

    def preflight(self, dest: Path, need: int) -> None:
        """Whether what is listed will fit. Raises DiskError, OSError."""
        if need > 0:
            disk.preflight(dest, need, self._min_free)

    def remembered(self, host: str) -> int | None:
        """How many connections the host allowed last time."""
        found = (ledger.hosts.connections(host) for ledger in self._ledgers.values())
        return next((number for number in found if number is not None), None)

    def save_hosts(self, hosts: Iterable[tuple[str, int]]) -> None:
        """Remembers how many connections each host allowed."""
        known = list(hosts)
        for dest, ledger in self._ledgers.items():
            try:
                ledger.hosts.save(known)
                ledger.commit()
            except BackhaulError as error:
                log.warning("%s: %s", dest, error.message)

    def close(self) -> None:
        """Commits and lets go."""
        for dest, ledger in self._ledgers.items():
            try:
                ledger.close()
            except BackhaulError as error:
                log.warning("%s: %s", dest, error.message)
