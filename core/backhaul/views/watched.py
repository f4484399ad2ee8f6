"""Progress and rate of a running batch, read from the ledger and the leases."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from backhaul.events import Progress
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import JobRow
from backhaul.storage.holders import Holder, holder
from backhaul.types import SlotState
from backhaul.views.look import Look
from backhaul.views.status_table import JobLine, notes, status_table
from backhaul.wording import human, span

_KEPT: Final = 30  # number of snapshots that the rate is computed from
_LEAST: Final = 0.5  # minimum seconds for a rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A job at a point in time.

    Attributes:
        folder: where its files are.
        counts: files by state.
        records, size: of what counts towards the provider's totals.
        held: the process that is running it; None if there is none.
        notes: other remarks for the user.
    """

    name: str
    folder: str
    there: str
    counts: Mapping[SlotState, int]
    reported: int | None
    records: int
    size: int
    listed: bool
    held: Holder | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The state of all jobs at one moment, with earlier byte counts."""

    jobs: tuple[Watched, ...]
    sizes: tuple[tuple[float, int, int], ...] = field(default=())

    @classmethod
    def after(cls, before: "Self | None", jobs: Sequence[Watched]) -> Self:
        """A new snapshot that remembers the earlier ones."""
        now = (
            time.monotonic(),
            sum(job.size for job in jobs),
            sum(sum(job.counts.values()) - left_of(job) for job in jobs),
        )
        earlier = before.sizes if before is not None else ()
        return cls(jobs=tuple(jobs), sizes=(*earlier, now)[-_KEPT:])

    @property
    def held(self) -> bool:
        """Whether a run is in progress."""
        return any(job.held is not None for job in self.jobs)

    def rate(self) -> tuple[float, float] | None:
        """Recent rate in bytes and files per second."""
        (first, size, files), (last, size_now, files_now) = self.sizes[0], self.sizes[-1]
        seconds = last - first
        if seconds < _LEAST:
            return None
        return (size_now - size) / seconds, (files_now - files) / seconds


def watched(
    *, name: str, folder: str, workspace: Path, row: JobRow | None, ledger: Ledger
) -> Watched:
    """The current state of a job. Raises LedgerError."""
    held = holder(workspace, name)
    if row is None:
        there = "starting" if held is not None else "never run"
        return Watched(
            name=name,
            folder=folder,
            there=there,
            counts={},
            reported=None,
            records=0,
            size=0,
            listed=False,
            held=held,
        )
    here = ledger.inventory.summary(row.id, row.window)
    return Watched(
        name=name,
        folder=folder,
        there="refused" if row.asked is None and row.refused is not None else row.state,
        counts=here.data,
        reported=row.total_files,
        records=here.all_records,
        size=here.bytes,
        listed=row.listed is not None,
        held=held,
        notes=() if held is not None else tuple(notes(row)),
    )


def lines(picture: Picture, *, look: Look) -> list[str]:
    """Formats the snapshot as lines of text."""
    now = datetime.now(UTC)
    table = status_table(
        [
            JobLine(
                name=job.name,
                there=job.there,
                counts={str(state): count for state, count in job.counts.items()},
                reported=job.reported,
                records=job.records,
                extra=_work(job, now),
                notes=job.notes,
            )
            for job in picture.jobs
        ],
        look=look,
    )
    return [*table, _footer(picture)]


def _work(job: Watched, now: datetime) -> str:
    if job.held is None:
        return ""
    since = span((now - job.held.since).total_seconds())
    return f"process {job.held.pid} on {job.held.host}, for {since}"


def _footer(picture: Picture) -> str:
    size = human(sum(job.size for job in picture.jobs))
    if not picture.held:
        return f"{size} here; no run in progress"
    rate = picture.rate()
    if rate is None:
        return f"{size} here"
    text = f"{size} here, {human(rate[0])}/s, {rate[1]:,.1f} files/s"
    waiting = sum(map(left_of, picture.jobs))
    return f"{text}, {span(waiting / rate[1])} left" if waiting and rate[1] > 0 else text


def left_of(job: Watched) -> int:
    """Number of a job's files that are left to fetch."""
    listed = job.counts.get(SlotState.PENDING, 0) + job.counts.get(SlotState.PARTIAL, 0)
    unlisted = max(0, (job.reported or 0) - sum(job.counts.values()))
    return listed + unlisted


_FAILED: Final = (SlotState.FAILED, SlotState.CORRUPT, SlotState.LOST)
_UNFINISHED: Final = (SlotState.PENDING, SlotState.PARTIAL)


class WatchedProgress:
    """Turns successive pictures into events. Bytes and rates are those since the first picture."""

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
