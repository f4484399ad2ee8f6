"""A job's progress, as numbers and text."""

from typing import TYPE_CHECKING

from backhaul.errors import FailureKind
from backhaul.events import Progress

if TYPE_CHECKING:
    from backhaul.run.driver import Driver
    from backhaul.run.job import Job


def progress(job: "Job", driver: "Driver", now: float) -> Progress:
    """A job's progress at a time (monotonic); on the driver's thread."""
    counts = job.counts
    done = counts.fetched + counts.skipped + counts.failed
    total = _total(job, done)
    counters = driver.engine.counters
    alone = len(driver.all_jobs) == 1  # then all transfers belong to this job
    size = counts.bytes
    if not job.ended:  # include active transfers
        size = max(size, counters.bytes if alone else counters.by_job.get(job.key, 0))
    seconds = now - job.started - job.disk.seconds
    ended = job.ended or job.ending
    waiting = "" if job.ended or job.dead else job.disk.text
    left = None
    if not waiting and total is not None and counts.fetched and seconds > 0:
        left = (total - done) * seconds / counts.fetched
    return Progress(
        job=job.spec.name,
        folder=job.folder,
        phase=_end(job) if ended else _word(job),
        done=done,
        failed=counts.failed - counts.gaps,
        total=total,
        bytes=size,
        rate=size / max(0.5, seconds),
        seconds_left=left,
        waiting=waiting,
        ended=ended,
    )


def _total(job: "Job", done: int) -> int | None:
    totals = job.status.totals if job.status and job.spec.selection.is_all else None
    total = job.counts.listed if job.listed_whole else totals.files if totals else None
    if job.streams or (total is not None and total < done):
        return None  # the number of volumes of a queue is unknown in advance
    return total


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
        return "waiting for disk space"
    if job.status is None:
        return "asking"
    if not job.begun:
        percent = f" {job.status.percent:.0f} %" if job.status.percent is not None else ""
        return f"{job.status.state.value}{percent}"
    return "listing" if job.listing and not job.counts.listed else "fetching"
