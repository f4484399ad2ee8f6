"""Shares out a number of connections, so that the sum of what the processes use never exceeds it."""

from collections.abc import Iterator, Mapping


class Shares:
    """Who holds how many connections, and who should.

    A share grows only once another one has shrunk, which takes until its requests have ended.

    Args:
        total: the number of connections.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._wanted: Mapping[int, int] = {}
        self._asked: dict[int, int] = {}  # shares that should shrink to this
        self._held: dict[int, int] = {}

    def want(self, wanted: Mapping[int, int]) -> None:
        """Sets what everyone should have; the sum must not exceed the total."""
        self._wanted = wanted

    def held(self, who: int) -> int:
        """How many connections someone may use."""
        return self._asked.get(who, self._held.get(who, 0))

    def moves(self) -> Iterator[tuple[int, int]]:
        """Yields who should be told to use how many connections from now on."""
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
        """Someone uses no more than so many connections."""
        if self._asked.get(who) == connections:
            del self._asked[who]
            self._held[who] = connections

    def left(self, who: int) -> None:
        """Someone has ended."""
        self._asked.pop(who, None)
        self._held.pop(who, None)


def split(total: int, parts: int) -> list[int]:
    """Splits a number into almost equal parts."""
    each, left = divmod(total, parts)
    return [each + (number < left) for number in range(parts)]
