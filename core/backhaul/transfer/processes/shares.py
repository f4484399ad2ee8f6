"""Divides a number of connections, so that the processes together never use more."""

from collections.abc import Iterator, Mapping


class Shares:
    """How many connections each process has, and how many it should have.

    A share grows only after another one has shrunk, which takes until the requests involved have ended.

    Args:
        total: the number of connections.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._wanted: Mapping[int, int] = {}
        self._asked: dict[int, int] = {}  # shares that should shrink to this
        self._held: dict[int, int] = {}

    def want(self, wanted: Mapping[int, int]) -> None:
        """Sets the desired shares; their sum must not exceed the total."""
        self._wanted = wanted

    def held(self, who: int) -> int:
        """How many connections a process may use."""
        return self._asked.get(who, self._held.get(who, 0))

    def moves(self) -> Iterator[tuple[int, int]]:
        """Yields the processes whose limit changes, with the new limit."""
        for who, held in self._held.items():
            wanted = self._wanted.get(who, 0)
            if wanted < held and self._asked.get(who) != wanted:
                self._asked[who] = wanted
                yield who, wanted
        free = self._total - sum(self._held.values())
        for who, wanted in self._wanted.items():
            held = self._held.get(who, 0)
            if who not in self._asked and wanted > held and free > 0:
                more = min(free, wanted - held)
                free -= more
                self._held[who] = held + more
                yield who, held + more

    def shrunk(self, who: int, connections: int) -> None:
        """A process uses no more than this many connections."""
        if self._asked.get(who) == connections:
            del self._asked[who]
            self._held[who] = connections

    def left(self, who: int) -> None:
        """A process has ended."""
        self._asked.pop(who, None)
        self._held.pop(who, None)


def split(total: int, parts: int) -> list[int]:
    """Splits a number into almost equal parts."""
    each, left = divmod(total, parts)
    return [each + (number < left) for number in range(parts)]
