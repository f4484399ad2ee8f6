"""What the ledger remembers of a file and of a job."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from backhaul.frozen import dataclass
from backhaul.types import RemoteFile, Slots, SlotState

OPTIONAL = 1
SUSPECT = 2
PIECE = 4  # a piece of a chunked file: listed by us, not by the provider
GONE = 8  # listed once, and not in the last list that was read whole
REBUILT = 16  # entered from the disk by a rebuild: unproven until a listing agrees
LISTED_FLAGS = OPTIONAL | SUSPECT  # what a listing says; the others are ours


def stamp(time: datetime | None) -> int | None:
    """A time as unix seconds."""
    return None if time is None else int(time.timestamp())


def moment(seconds: int | None) -> datetime | None:
    """Unix seconds as a time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def is_doubtful(state: str, sha256: str | None) -> bool:
    """Whether a file may have come damaged and was never proven: its lines have to be looked at."""
    return sha256 is None and state in {SlotState.CORRUPT, SlotState.FAILED, SlotState.MISSING}


class FileRow(NamedTuple):
    """A file as the ledger knows it; fields as in the tables.

    A tuple, since a run makes one of each listed file: quicker to make than any dataclass.
    """

    id: int
    name: str
    state: SlotState
    kind: str | None
    message: str | None
    start: int | None
    end: int | None
    content: str
    footer_lines: int
    flags: int
    listed_size: int | None
    listed_records: int | None
    checksum: str | None
    meta: str | None
    size: int | None
    sha256: str | None
    records: int | None
    validator: str | None
    fetched: int | None
    origin: str | None
    proof: int | None
    version: str | None

    @property
    def optional(self) -> bool:
        """That it is not there is a gap and not a failure."""
        return bool(self.flags & OPTIONAL)

    @property
    def suspect(self) -> bool:
        """The provider marks it as doubtful."""
        return bool(self.flags & SUSPECT)

    def remote(self) -> RemoteFile:
        """The file as the provider listed it, without its URL."""
        return RemoteFile(
            self.name,
            start=moment(self.start),
            end=moment(self.end),
            size=self.listed_size,
            records=self.listed_records,
            checksum=self.checksum,
            version=self.version,
            content=self.content,
            optional=self.optional,
            footer_lines=self.footer_lines,
            suspect=self.suspect,
            meta=json.loads(self.meta) if self.meta else {},
        )


class KnownRow(NamedTuple):
    """What a listing is held against; from ``start`` on as ``listed_values`` gives them."""

    key: str
    id: int
    name: str
    state: str
    size: int | None
    sha256: str | None
    start: int | None
    end: int | None
    content: str
    footer_lines: int
    listed_size: int | None
    listed_records: int | None
    checksum: str | None
    version: str | None
    flags: int


LISTED = KnownRow._fields.index("start")
"""Where what the provider said of a file last begins in a KnownRow."""


class ManifestRow(NamedTuple):
    """What a job's manifest says of a file, as the table has it; times in unix seconds.

    `note` is why a suspect file is one, None where only the provider says so.
    """

    name: str
    state: str
    start: int | None
    end: int | None
    content: str
    size: int | None
    sha256: str | None
    records: int | None
    validator: str | None
    fetched: int | None
    origin: str | None
    proof: int | None
    note: str | None


KNOWN_COLUMNS = (
    'key, id, name, state, size, sha256, start, "end", content, footer_lines, listed_size,'
    f" listed_records, checksum, version, flags & {LISTED_FLAGS}"
)
FILE_COLUMNS = ", ".join(f'"{name}"' for name in FileRow._fields)
MANIFEST_COLUMNS = (
    ", ".join(f'"{name}"' for name in ManifestRow._fields[:-1])
    + ", CASE state WHEN 'suspect' THEN message END"
)
_STATE = FileRow._fields.index("state")
_STATES = {state.value: state for state in SlotState}


def listed_values(file: RemoteFile) -> tuple[object, ...]:
    """What the provider says of a file, in the order of the columns."""
    start, end = file.start, file.end
    return (
        None if start is None else int(start.timestamp()),
        None if end is None else int(end.timestamp()),
        file.content,
        file.footer_lines,
        file.size,
        file.records,
        file.checksum,
        file.version,
        (OPTIONAL if file.optional else 0) | (SUSPECT if file.suspect else 0),
    )


def dump_meta(file: RemoteFile) -> str | None:
    """The provider's own words on a file, as the ledger stores them."""
    return json.dumps(dict(file.meta), sort_keys=True, default=str) if file.meta else None


def file_row(values: tuple[Any, ...]) -> FileRow:
    """A row of FILE_COLUMNS as a FileRow."""
    return FileRow._make((*values[:_STATE], _STATES[values[_STATE]], *values[_STATE + 1 :]))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as the ledger knows it."""

    id: int
    name: str
    source: str
    provider: str
    state: str
    percent: float | None
    message: str
    expires: int | None
    total_files: int | None
    total_records: int | None
    total_bytes: int | None
    slots: str
    warnings: str
    problems: str
    asked: int | None
    listed: int | None
    rate: float | None
    fingerprint: str | None
    doubt: str

    def slot_runs(self) -> tuple[Slots, ...]:
        """The slots that the job covers."""
        return tuple(_slots(item) for item in json.loads(self.slots))

    def warning_texts(self) -> tuple[str, ...]:
        """What the provider warned of when it was last asked."""
        return tuple(json.loads(self.warnings))


JOB_COLUMNS = ", ".join(JobRow.__dataclass_fields__)


def job_row(values: tuple[Any, ...]) -> JobRow:
    """A row of JOB_COLUMNS as a JobRow."""
    return JobRow(**dict(zip(JobRow.__dataclass_fields__, values, strict=True)))


def dump_slots(runs: tuple[Slots, ...]) -> str:
    """Slots as the ledger stores them."""
    return json.dumps(
        [
            [
                stamp(run.start),
                stamp(run.end),
                run.every.total_seconds() if run.every else None,
                run.state,
                run.records,
                run.note,
            ]
            for run in runs
        ]
    )


def _slots(item: list[Any]) -> Slots:
    start, end, every, state, records, note = item
    return Slots(
        datetime.fromtimestamp(start, UTC),
        datetime.fromtimestamp(end, UTC),
        every=timedelta(seconds=every) if every else None,
        state=SlotState(state) if state else None,
        records=records,
        note=note,
    )
