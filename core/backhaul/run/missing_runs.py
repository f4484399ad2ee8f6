"""Files that are missing many times in a row: a fault somewhere, rather than gaps.

Of an archive whose files follow from a template nothing lists what there should be. A lone 404 is
a gap; a long run of them is an outage, a moved address or a mistake in the template. What is refused
to the very last file (401, 403) is a question of credentials.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from backhaul.errors import FailureKind
from backhaul.ledger.inventory import Outcome
from backhaul.ledger.rows import moment
from backhaul.run.task import Task
from backhaul.types import SlotState
from backhaul.wording import count, iso

_TOLD: Final = 10  # runs that are named one by one
_ABSENT: Final = frozenset({SlotState.MISSING, SlotState.UNKNOWN})


@dataclass(slots=True)
class _Run:
    """Files of a series that are missing one after the other."""

    series: str
    ids: "array[int]" = field(default_factory=lambda: array("q"))
    start: int = 0
    end: int = 0

    def add(self, row: Outcome) -> None:
        self.start = self.start if self.ids else row.start
        self.end = row.end
        self.ids.append(row.id)


def doubt_missing(task: Task) -> None:
    """Marks as unknown what is missing too often in a row, and notes why; once a job is listed whole.

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
    # What has left a rolling window counts for what is in it, and is not doubted itself.
    listed = [(run, [number for number in run.ids if number in task.seen]) for run in found]
    found = [run for run, ids in listed if ids]
    for run, ids in listed:
        message = f"one of {len(run.ids):,} in a row that are missing"
        ledger.files.save_doubted(task.id, ids, message)
    for run in found[:_TOLD]:
        task.job.note(FailureKind.NOT_FOUND, _message(run))
    if len(found) > _TOLD:
        more = count(len(found) - _TOLD, "more such run")
        task.job.note(FailureKind.NOT_FOUND, f"and {more} of missing files")


def _all_denied(task: Task, absent: int, states: dict[SlotState, int]) -> bool:
    """Whether nothing was ever there and every file was refused: then that is the job's failure."""
    if absent != sum(states.values()) or not absent:
        return False
    if task.ledger.inventory.refused(task.id) != absent:
        return False
    task.job.note(
        FailureKind.DENIED,
        f"the server refuses all {count(absent, 'file')} (HTTP 401 or 403): none of them is"
        " believed to be missing",
    )
    return True


def _runs(rows: Iterator[Outcome], longest: int) -> Iterator[_Run]:
    """The runs that are too long, of each series; those before its first file do not count.

    Of a series that never had any file, the whole is one run.
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
        f"{len(run.ids):,} files{of} in a row are missing, from {iso(moment(run.start))} to"
        f" {iso(moment(run.end))}: that is taken for a fault; check the address in the YAML, or set"
        " missing_run higher if the archive has such gaps (0: never a fault)"
    )
