"""The ledger's table of hosts: how many connections each one allowed."""

import time
from collections.abc import Iterable

from backhaul.ledger.database import Database

_MOST = 10_000  # sanity limit


class HostTable:
    """One row per origin."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def connections(self) -> dict[str, int]:
        """The number of connections each host allowed last time."""
        return {
            origin: number
            for origin, number in self._db.all("SELECT origin, connections FROM hosts")
            if isinstance(number, int) and 0 < number <= _MOST
        }

    def save(self, hosts: Iterable[tuple[str, int]]) -> None:
        """Stores the number of connections each host allowed."""
        now = int(time.time())
        self._db.write(
            "INSERT OR REPLACE INTO hosts VALUES (?, ?, ?)",
            [(origin, connections, now) for origin, connections in hosts],
        )
