"""Transfers that are not assigned to a process yet, by origin."""

from collections.abc import Collection, Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

from backhaul.transfer.executor import LARGE, MANY, WorkUnit, host_of

_FIRST: Final = -1 << 62  # before any priority


class Lane:
    """The waiting units of one origin, and where they are carried out.

    An origin belongs either to this process or to the workers, never to both at once, so that its
    limits hold. It moves once the old side makes no more requests to it.

    Attributes:
        host: the origin.
        files: number of waiting transfers.
        here: it belongs to this process.
        stays: it always belongs to this process: it has a pace, or a job that cannot be sent.
        left_to: number of the only worker that serves it, which it asked for fewer requests.
        given_up: numbers of the workers that have given it up.
        refusals: number of consecutive responses of that kind.
    """

    def __init__(self, host: str, *, here: bool, stays: bool) -> None:
        self.host = host
        self.files = 0
        self.here = here
        self.stays = stays
        self.left_to: int | None = None
        self.given_up: set[int] = set()
        self.refusals = 0
        self.drains_since = 0.0
        self._units: list[tuple[int, int, WorkUnit]] = []

    def add(self, unit: WorkUnit, priority: int, number: int) -> None:
        """Adds a unit."""
        heappush(self._units, (priority, number, unit))
        self.files += len(unit.transfers)

    def cut(self, most: int) -> WorkUnit:
        """Removes and returns up to this many transfers of the first unit."""
        priority, number, unit = heappop(self._units)
        size = length = 0
        for transfer in unit.transfers:
            if length == most or size >= LARGE:
                break
            length += 1
            size += transfer.file.size or 0
        taken = unit._replace(transfers=unit.transfers[:length])
        if length < len(unit.transfers):
            heappush(
                self._units, (priority, number, unit._replace(transfers=unit.transfers[length:]))
            )
        self.files -= length
        return taken

    def leave(self, jobs: Collection[str] | None) -> list[WorkUnit]:
        """Removes and returns the units of some jobs (None: all)."""
        left = [each[2] for each in self._units if jobs is None or each[2].job in jobs]
        if left:
            kept = [each for each in self._units if jobs is not None and each[2].job not in jobs]
            self._units = kept
            heapify(self._units)
            self.files = sum(len(each[2].transfers) for each in kept)
        return left


class Backlog:
    """All lanes, and the units of paused jobs.

    Attributes:
        lanes: by origin.
        paused: units by paused job.
    """

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.paused: dict[str, list[WorkUnit]] = {}
        self._numbers = count()

    @property
    def movable(self) -> int:
        """Number of waiting transfers that workers could carry out."""
        return sum(lane.files for lane in self.lanes.values() if not lane.stays)

    def lane(self, host: str, *, here: bool) -> Lane:
        """The origin's lane; a new one belongs to this process or to the workers."""
        lane = self.lanes.get(host)
        if lane is None:
            lane = self.lanes[host] = Lane(host, here=here, stays=False)
        return lane

    def add(self, lane: Lane, unit: WorkUnit, *, first: bool = False) -> None:
        """Adds a unit; ``first``: before all others."""
        if unit.job in self.paused:
            self.paused[unit.job].append(unit)
            return
        priority = _FIRST if first else unit.transfers[0].priority
        lane.add(unit, priority, next(self._numbers))

    def pause(self, jobs: Collection[str]) -> None:
        """Sets the units of some jobs aside."""
        for job in jobs:
            self.paused.setdefault(job, [])
        for unit in self._leave(jobs):
            self.paused[unit.job].append(unit)

    def resume(self, job: str) -> None:
        """Restores a paused job's units."""
        for unit in self.paused.pop(job, []):
            self.add(self.lanes[host_of(unit.transfers[0])], unit)

    def take(self, jobs: Collection[str] | None) -> list[WorkUnit]:
        """Removes and returns the units of some jobs (None: all)."""
        taken = list(self._leave(jobs))
        for job in self.paused if jobs is None else jobs:
            if job in self.paused:
                taken += self.paused[job]
                self.paused[job] = []
        return taken

    def _leave(self, jobs: Collection[str] | None) -> Iterator[WorkUnit]:
        for lane in self.lanes.values():
            yield from lane.leave(jobs)

    @property
    def held(self) -> dict[str, int]:
        """Number of waiting transfers by paused job."""
        return {
            job: sum(len(unit.transfers) for unit in units) for job, units in self.paused.items()
        }


def portion(files: int, takers: int) -> int:
    """How many of a lane's transfers to assign to one process: fewer towards the end."""
    return max(1, min(MANY, files // (2 * takers)))
