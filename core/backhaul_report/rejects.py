"""A job's rejected downloads: the latest ones and their number."""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappush, heapreplace
from typing import Final, Self

from backhaul.commands import RejectedBody

_MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejects:
    """Rejected downloads.

    Attributes:
        place: prefix of links to them.
        latest: the latest ones, newest first.
        count: how many there are.
        size: of all of them, in bytes.
    """

    place: str = ""
    latest: tuple[RejectedBody, ...] = ()
    count: int = 0
    size: int = 0

    @classmethod
    def of(cls, bodies: Iterable[RejectedBody], *, place: str) -> Self:
        """Looks at each in turn and keeps a few. Raises OSError."""
        latest: list[tuple[float, str, RejectedBody]] = []
        count = size = 0
        for body in bodies:
            count += 1
            size += body.size
            item = (body.at.timestamp(), body.file, body)
            if len(latest) < _MOST:
                heappush(latest, item)
            elif item > latest[0]:
                heapreplace(latest, item)
        kept = (body for *_, body in sorted(latest, key=lambda each: each[:2], reverse=True))
        return cls(place=place, latest=tuple(kept), count=count, size=size)
