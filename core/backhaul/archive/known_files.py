"""Lists a job's files in the ledger, with their states according to the ledger and the disk."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backhaul.archive.jobs import KnownJob
from backhaul.archive.slot_views import on_disk_state
from backhaul.ledger.rows import FileRow, moment
from backhaul.selection import ALL, Selection
from backhaul.storage.sizes import sizes
from backhaul.types import SlotState
from backhaul.types.states import proof_words
from backhaul.wording import iso


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """A file of a job.

    Attributes:
        job: its name.
        file: its name, relative to the job's folder.
        state: according to the ledger and the disk.
        start, end: the period that it covers, half-open, in UTC; None if it has none.
        size: stored size in bytes; None if not present.
        records: number of records; None if it has none.
        sha256: of the stored bytes, in hex.
        proof: what proves that it is complete: ``length``, ``container``, ``checksum``, ...
        kind: the kind of failure, a ``FailureKind``; None if it did not fail.
        message: explains its state; usually empty.
    """

    job: str
    file: str
    state: SlotState
    start: datetime | None
    end: datetime | None
    size: int | None
    records: int | None
    sha256: str | None
    proof: tuple[str, ...]
    kind: str | None
    message: str

    def as_json(self) -> dict[str, Any]:
        """Returns what the command prints with ``--json``."""
        return {
            "file": self.file,
            "state": str(self.state),
            "start": iso(self.start),
            "end": iso(self.end),
            "size": self.size,
            "records": self.records,
            "sha256": self.sha256,
            "proof": list(self.proof),
            "kind": self.kind,
            "message": self.message,
        }


def known_files(
    known: KnownJob, states: Collection[SlotState] = (), selection: Selection = ALL
) -> Iterator[KnownFile]:
    """The job's files in order of time, optionally only some states; empty if it never ran."""
    if known.row is None:
        return
    size_of = sizes(known.folder)
    takes_all = selection.is_all
    for row in known.ledger.inventory.files(known.row.id):
        if not (takes_all or selection.takes(row.name, moment(row.start))):
            continue
        state, reason = on_disk_state(row, size_of)
        if not states or state in states:
            yield _known(known.name, row, state, reason)


def _known(job: str, row: FileRow, state: SlotState, reason: str) -> KnownFile:
    return KnownFile(
        job=job,
        file=row.name,
        state=state,
        start=moment(row.start),
        end=moment(row.end),
        size=row.size,
        records=row.records,
        sha256=row.sha256,
        proof=proof_words(0 if row.size is None else row.proof or 0),
        kind=row.kind,
        message=reason or row.message or "",
    )
