"""How far a job is at a moment, in numbers and in words."""

from typing import TYPE_CHECKING

from backhaul.errors import FailureKind
from backhaul.wording import human, span

if TYPE_CHECKING:
    from backhaul.run.driver import Driver
    from backhaul.run.job import Job


class Snapshot:
    """How far one job is at a moment.

    Attributes:
        done: files that need nothing more.
        failed: how many of them failed, gaps left out.
        total: files of the job; None while that is not known.
        bytes: fetched so far, of files under way too.
        total_bytes: to be fetched in all; None when that is not known.
        rate: bytes a second since the job began.
        left: seconds to go; None when that cannot be told.
        word: what it is doing; once it is over, how it ended, in the summary's words.
        ended: whether it is over.
        waits: why it does nothing, while there is no room on the disk.
    """

    def __init__(self, job: "Job", driver: "Driver", now: float) -> None:
        totals = job.status.totals if job.status is not None else None
        self.done = job.counts.fetched + job.counts.skipped + job.counts.failed
        self.failed = job.counts.failed - job.counts.gaps
        self.total = job.counts.listed if job.listed_whole else totals.files if totals else None
        if job.streams or (self.total is not None and self.total < self.done):
            self.total = None  # how many pieces a queue becomes shows on the way
        counters = driver.engine.counters
        alone = len(driver.all_jobs) == 1  # then all that is under way is this job's
        self.bytes = job.counts.bytes
        if not job.ended:  # of files under way as well
            coming = counters.bytes if alone else counters.by_job.get(job.key, 0)
            self.bytes = max(self.bytes, coming)
        seconds = now - job.started - job.disk.seconds
        self.rate = self.bytes / max(0.5, seconds)
        self.waits = "" if job.ended or job.dead else job.disk.text
        self.left = None if self.waits else self._left(job.counts.fetched, seconds)
        self.ended = job.ended or job.ending
        self.word = _end(job) if self.ended else _word(job)

    def _left(self, fetched: int, seconds: float) -> float | None:
        if self.total is None or not fetched or seconds <= 0:
            return None
        return (self.total - self.done) * seconds / fetched


def as_line(shot: Snapshot) -> str:
    """A snapshot in words."""
    of = f" of {shot.total:,}" if shot.total is not None else ""
    if shot.waits:
        return f"{shot.waits}: {shot.done:,}{of} files, {human(shot.bytes)}"
    failed = f", {shot.failed:,} failed" if shot.failed else ""
    left = f", {span(shot.left)} left" if shot.left is not None else ""
    return f"{shot.word}: {shot.done:,}{of} files, {human(shot.bytes)}, {human(shot.rate)}/s{left}{failed}"


def _end(job: "Job") -> str:
    if job.not_ready:
        return "not ready"
    whole = [note.kind for note in job.notes if note.file is None]
    if whole:
        return _why(whole[-1])
    if job.counts.failed > job.counts.gaps or job.notes:
        return "partial" if job.counts.fetched or job.counts.skipped else "failed"
    return "complete"


def _why(kind: FailureKind) -> str:
    if kind.is_stop:
        return "stopped"
    return kind.value if kind is FailureKind.FAILED else f"failed: {kind.value}"


def _word(job: "Job") -> str:
    if job.disk.text and not job.dead:
        return "waiting for room"
    if job.status is None:
        return "asking"
    if not job.begun:
        percent = f" {job.status.percent:.0f} %" if job.status.percent is not None else ""
        return f"{job.status.state.value}{percent}"
    return "listing" if job.listing and not job.counts.listed else "fetching"
