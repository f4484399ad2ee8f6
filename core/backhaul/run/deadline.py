"""Estimates whether a job completes before the provider deletes its data."""

import logging
from datetime import UTC, datetime

from backhaul.run.task import Task
from backhaul.wording import span

log = logging.getLogger(__name__)

_EARLY = 5.0  # seconds before a rate is meaningful


def warning(task: Task, elapsed: float) -> str | None:
    """A warning if the job is unlikely to complete in time at the current rate.

    Args:
        task: the job.
        elapsed: seconds since fetching started.
    """
    status, counts = task.job.status, task.counts
    if status is None or status.expires is None or elapsed < _EARLY or not counts.bytes:
        return None
    if not task.spec.selection.is_all:  # the provider's totals are of all files
        return None
    totals = status.totals
    if totals is not None and totals.bytes is not None:
        left, rate = totals.bytes - task.here_before - counts.bytes, counts.bytes / elapsed
    elif totals is not None and totals.files is not None:
        left, rate = totals.files - counts.skipped - counts.fetched, counts.fetched / elapsed
    else:
        return None
    time_left = (status.expires - datetime.now(UTC)).total_seconds()
    if left <= 0 or rate <= 0 or left / rate < time_left:
        return None
    return (
        f"at this rate, the rest takes {span(left / rate)}, but the provider deletes the data in"
        f" {span(time_left)}: use more --connections, a higher --limit-rate or a second machine"
    )


def watch(task: Task, now: float) -> None:
    """Warns once if a running job is unlikely to complete in time; ``now``: monotonic."""
    skipped = not task.began or task.job.late or task.disk.text
    late = None if skipped else warning(task, now - task.began - task.disk.seconds)
    if late is not None:
        task.job.late = True
        task.warn(late)
        log.warning("%s: %s", task.spec.name, late)
