"""The ledger's hosts: how many connections each allowed."""

import time
from collections.abc import Iterable

from backhaul.ledger.database import Database

_MOST = 10_000  # connections: more than any host has allowed


class HostTable:
    """One row an origin."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def connections(self) -> dict[str, int]:
        """How many connections each host allowed last time."""
        return {
            origin: number
            for origin, number in self._db.all("SELECT origin, connections FROM hosts")
            if isinstance(number, int) and 0 < number <= _MOST
        }

    def save(self, hosts: Iterable[tuple[str, int]]) -> None:
        """Remembers how many connections each host allowed."""
        now = int(time.time())
        self._db.write(
            "INSERT OR REPLACE INTO hosts VALUES (?, ?, ?)",
            [(origin, connections, now) for origin, connections in hosts],
        )
