"""The ledger's hosts: how many connections each allowed."""

import time
from collections.abc import Iterable

from backhaul.ledger.database import Database

_MOST = 10_000  # connections: more than any host has allowed


class HostTable:
    """One row an origin."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def connections(self, origin: str) -> int | None:
        """How many connections the host allowed last time; never waits for what has gathered."""
        row = self._db.one("SELECT connections FROM hosts WHERE origin = ?", (origin,), ahead=False)
        return row[0] if row and isinstance(row[0], int) and 0 < row[0] <= _MOST else None

    def save(self, hosts: Iterable[tuple[str, int]]) -> None:
        """Remembers how many connections each host allowed."""
        now = int(time.time())
        self._db.write(
            "INSERT OR REPLACE INTO hosts VALUES (?, ?, ?)",
            [(origin, connections, now) for origin, connections in hosts],
        )
