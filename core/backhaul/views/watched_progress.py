"""Progress events of a run in another process, derived from successive snapshots of the ledger."""

import time
from collections.abc import Iterator
from typing import Final

from backhaul.events import Progress
from backhaul.types import SlotState
from backhaul.views.watched import Picture, Watched, left_of

_FAILED: Final = (SlotState.FAILED, SlotState.CORRUPT, SlotState.LOST)
_UNFINISHED: Final = (SlotState.PENDING, SlotState.PARTIAL)
_LEAST: Final = 0.5  # minimum seconds for a rate


class WatchedProgress:
    """Turns snapshots into events. Bytes and rates are those since the first snapshot."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[float, int, int]] = {}

    def events(self, picture: Picture) -> Iterator[Progress]:
        """The progress of each job."""
        now = time.monotonic()
        return (self._event(job, now) for job in picture.jobs)

    def _event(self, job: Watched, now: float) -> Progress:
        left = left_of(job)
        done = sum(count for state, count in job.counts.items() if state not in _UNFINISHED)
        since, size, already = self._first.setdefault(job.folder, (now, job.size, done))
        seconds, fetched = max(_LEAST, now - since), done - already
        return Progress(
            job=job.name,
            folder=job.folder,
            phase=_phase(job, left),
            done=done,
            failed=_failed(job),
            total=done + left if job.listed else job.reported,
            bytes=max(0, job.size - size),
            rate=max(0, job.size - size) / seconds,
            seconds_left=left * seconds / fetched if job.held and fetched > 0 else None,
            waiting="",
            ended=job.held is None,
        )


def _failed(job: Watched) -> int:
    return sum(job.counts.get(state, 0) for state in _FAILED)


def _phase(job: Watched, left: int) -> str:
    if job.held is not None:
        return "fetching" if job.counts else "listing" if job.there != "starting" else job.there
    if not job.listed:
        return job.there
    return "partial" if left or _failed(job) else "complete"
