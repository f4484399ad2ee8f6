"""Detects long runs of missing files, which indicate a fault rather than gaps.

Nothing lists the files of an archive that follows a URL template. A single 404 is a gap; a long run of
them is an outage, a moved address or a mistake in the template. If every single file is refused (401,
403), the credentials are wrong.
"""

from array import array
from collections.abc import Iterator
from typing import Final

from backhaul.errors import FailureKind
from backhaul.ledger.inventory import Outcome
from backhaul.ledger.rows import moment
from backhaul.run.task import Task
from backhaul.types import SlotState
from backhaul.wording import count, iso

_TOLD: Final = 10  # maximum runs reported one by one
_REFUSED: Final = "the server refused all files (HTTP 401 or 403)"
_ABSENT: Final = frozenset({SlotState.MISSING, SlotState.UNKNOWN})


class _Run:
    """Consecutive missing files of a series."""

    def __init__(self, series: str) -> None:
        self.series = series
        self.ids = array("q")
        self.start = self.end = 0

    def add(self, row: Outcome) -> None:
        self.start = self.start if self.ids else row.start
        self.end = row.end
        self.ids.append(row.id)


def doubt_missing(task: Task) -> None:
    """Changes long runs of missing files to unknown and reports them, after a complete listing.

    Raises LedgerError.
    """
    ledger, series = task.ledger, task.provider.info.series
    longest = task.job.status.missing_run if task.job.status is not None else 0
    states = ledger.inventory.summary(task.id).states
    absent = sum(states.get(state, 0) for state in _ABSENT)
    if not absent:
        return
    if _all_denied(task, absent, states):
        return
    if not longest or absent < longest:
        return
    found = list(_runs(ledger.inventory.outcomes(task.id, series), longest))
    # Files outside a rolling window count towards a run but are not changed themselves.
    listed = [(run, [number for number in run.ids if number in task.seen]) for run in found]
    found = [run for run, ids in listed if ids]
    for run, ids in listed:
        message = f"one of {len(run.ids):,} consecutive missing files"
        rows = [(number, SlotState.UNKNOWN, None, message) for number in ids]
        ledger.files.save_absent(task.id, rows)
    for run in found[:_TOLD]:
        task.job.note(FailureKind.NOT_FOUND, _message(run))
    if len(found) > _TOLD:
        more = count(len(found) - _TOLD, "more run")
        task.job.note(FailureKind.NOT_FOUND, f"and {more} of missing files")


def _all_denied(task: Task, absent: int, states: dict[SlotState, int]) -> bool:
    """Whether nothing was ever present and every file was refused: then the job fails.

    The files become unknown, so they are requested again once the credentials are correct.
    """
    if absent != sum(states.values()) or not absent:
        return False
    refused = array("q", task.ledger.inventory.refused(task.id, _REFUSED))
    if len(refused) != absent:
        return False
    rows = [(number, SlotState.UNKNOWN, None, _REFUSED) for number in refused]
    task.ledger.files.save_absent(task.id, rows)
    task.job.note(
        FailureKind.DENIED,
        f"the server refused all {count(absent, 'file')} (HTTP 401 or 403), so none of them is"
        " considered missing",
    )
    return True


def _runs(rows: Iterator[Outcome], longest: int) -> Iterator[_Run]:
    """Runs that are too long, of each series; files before the first present one do not count.

    If a series never had any file, all of it is one run.
    """
    runs: dict[str, _Run] = {}
    existed: set[str] = set()
    for row in rows:
        run = runs.setdefault(row.series, _Run(row.series))
        if row.absent:
            run.add(row)
        elif row.existed:
            if row.series in existed and len(run.ids) >= longest:
                yield run
            existed.add(row.series)
            runs[row.series] = _Run(row.series)
    yield from (run for run in runs.values() if len(run.ids) >= longest)


def _message(run: _Run) -> str:
    of = f" of {run.series}" if run.series else ""
    return (
        f"{len(run.ids):,} consecutive files{of} are missing, from {iso(moment(run.start))} to"
        f" {iso(moment(run.end))}, which suggests a fault: check the address in the YAML, or raise"
        " missing_run if the archive has such gaps (0 disables this check)"
    )
