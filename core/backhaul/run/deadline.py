"""Will a job be home before the provider deletes it?"""

import logging
from datetime import UTC, datetime, timedelta

from backhaul.run.task import Task
from backhaul.wording import span

log = logging.getLogger(__name__)

_EARLY = 5.0  # seconds before which a rate says little


def time_left(expires: datetime, now: datetime | None = None) -> timedelta:
    """What is left until a job's data is deleted; negative when that is past."""
    return expires - (now or datetime.now(UTC))


def estimate(left: float, rate: float) -> timedelta | None:
    """How long the rest takes at a rate of bytes (or files) a second; None when it stands still."""
    return timedelta(seconds=left / rate) if rate > 0 else None


def warning(task: Task, elapsed: float) -> str | None:
    """A word when the job will not be whole in time at the rate so far.

    Args:
        task: the job.
        elapsed: seconds that it has been fetched.
    """
    status, counts = task.job.status, task.counts
    if status is None or status.expires is None or elapsed < _EARLY or not counts.bytes:
        return None
    totals = status.totals
    if totals is not None and totals.bytes is not None:
        left, rate = (
            totals.bytes - task.here_before - counts.bytes,
            counts.bytes / elapsed,
        )
    elif totals is not None and totals.files is not None:
        left, rate = totals.files - counts.skipped - counts.fetched, counts.fetched / elapsed
    else:
        return None
    need = estimate(left, rate)
    if left <= 0 or need is None or need < time_left(status.expires):
        return None
    return (
        f"at this rate the rest takes {span(need.total_seconds())}, but the provider deletes the data in"
        f" {span(time_left(status.expires).total_seconds())}: use more --connections, a higher --limit-rate or a"
        " second machine"
    )


def watch(task: Task, now: float) -> None:
    """Says once, of a job that has begun, that it will not be whole in time; ``now``: monotonic."""
    told = not task.began or task.job.late or task.disk.text
    late = None if told else warning(task, now - task.began - task.disk.seconds)
    if late is not None:
        task.job.late = True
        task.warn(late)
        log.warning("%s: %s", task.spec.name, late)
