"""Rows of the ledger: files and jobs."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from backhaul.checks import FieldError
from backhaul.errors import FailureKind
from backhaul.ledger import sound
from backhaul.ledger.fault import LedgerError, UnsoundError
from backhaul.ledger.sound import seal_of
from backhaul.names import key
from backhaul.types import CONTENTS, HERE, JobStatus, RemoteFile, Slots, SlotState

OPTIONAL = 1
SUSPECT = 2
VOLUME = 4  # a volume of a chunked file: added by backhaul, not listed by the provider
GONE = 8  # listed once, but not in the last complete listing
REBUILT = 16  # added from disk by a rebuild: unverified until a listing agrees
CHANGED = 32  # the last listing has a newer version than the one present
_DOUBTFUL = frozenset({SlotState.CORRUPT, SlotState.FAILED, SlotState.LOST, SlotState.MISSING})
LISTED_FLAGS = OPTIONAL | SUSPECT  # set from the listing; the others are internal
_NOT_AS_LISTED = GONE | REBUILT | CHANGED  # a row with one of these never equals its listing

ALL_TIME = (-(1 << 62), 1 << 62)
"""An unbounded window."""


def stamp(time: datetime | None) -> int | None:
    """Converts a time to Unix seconds."""
    return None if time is None else int(time.timestamp())


def moment(seconds: int | None) -> datetime | None:
    """Converts Unix seconds to a time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def is_doubtful(state: str, sha256: str | None) -> bool:
    """Whether the file may have arrived damaged and was never verified: its lines must be checked."""
    return sha256 is None and state in _DOUBTFUL


class FileRow(NamedTuple):
    """A row of the table of files.

    A tuple because a run creates one per listed file: much faster than a dataclass.
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
    seal: int | None
    listed_seal: int | None

    @property
    def optional(self) -> bool:
        """If it does not exist, that is a gap and not a failure."""
        return bool(self.flags & OPTIONAL)

    @property
    def suspect(self) -> bool:
        """The provider marks it as suspect."""
        return bool(self.flags & SUSPECT)

    def remote(self) -> RemoteFile:
        """The file as listed, without its URL. Raises LedgerError."""
        try:
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
        except FieldError as error:
            raise LedgerError(f"the ledger is damaged: {error}") from None


class KnownRow(NamedTuple):
    """The columns compared with a listing; from ``start`` on, in the order of ``listed_values``."""

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

    def look(self) -> None:
        """Raises UnsoundError if the row is damaged. Only needed if it differs from the listing."""
        _KNOWN.look(self)
        sound.check_name(self.name)
        sound.check_word(self.state, sound.STATES, "state")
        if key(self.name) != self.key:
            raise UnsoundError("a name that does not match its key")


_KNOWN = sound.Shape(KnownRow.__annotations__)
LISTED = KnownRow._fields.index("start")
"""Index in a KnownRow of the first listed value."""


class ManifestRow(NamedTuple):
    """The columns that a manifest contains; times in Unix seconds.

    `note` is why a file is suspect; None if only the provider says so.
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
    seal: int | None
    note: str | None


KNOWN_COLUMNS = (
    'key, id, name, state, size, sha256, start, "end", content, footer_lines, listed_size,'
    f" listed_records, checksum, version, flags & {LISTED_FLAGS | _NOT_AS_LISTED}"
)
FILE_COLUMNS = ", ".join(f'"{name}"' for name in FileRow._fields)
MANIFEST_COLUMNS = (
    ", ".join(f'"{name}"' for name in ManifestRow._fields[:-1])
    + ", CASE state WHEN 'suspect' THEN message END"
)
_STATE = FileRow._fields.index("state")
_STATES = {state.value: state for state in SlotState}
FILE_SHAPE = sound.Shape(FileRow.__annotations__)
MANIFEST_SHAPE = sound.Shape(ManifestRow.__annotations__)


def listed_values(file: RemoteFile) -> tuple[object, ...]:
    """The listed properties of a file, in column order."""
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


def sealed_values(file: RemoteFile) -> tuple[object, ...]:
    """The listed properties of a file in column order, including ``meta``, and their checksum."""
    values = (*listed_values(file), dump_meta(file))
    return (*values, seal_of(file.name, *values))


def dump_meta(file: RemoteFile) -> str | None:
    """The provider's metadata of a file, as stored in the ledger."""
    return json.dumps(dict(file.meta), sort_keys=True, default=str) if file.meta else None


def file_row(values: tuple[Any, ...]) -> FileRow:
    """Converts a row of FILE_COLUMNS to a FileRow. Raises UnsoundError."""
    FILE_SHAPE.look(values)
    state = _STATES.get(values[_STATE])
    if state is None:
        raise UnsoundError(f"invalid state {values[_STATE]!r}")
    row = FileRow._make((*values[:_STATE], state, *values[_STATE + 1 :]))
    sound.check_name(row.name)
    sound.check_word(row.kind, sound.KINDS, "kind")
    sound.check_word(row.content, CONTENTS, "content")
    sound.check_times(row.start, row.end, row.fetched)
    sound.check_sizes(row.size, row.records, row.listed_size, row.listed_records, row.footer_lines)
    if row.meta is not None:
        sound.json_of(row.meta, dict)
    if state in HERE and (row.size is None or row.sha256 is None):
        raise UnsoundError("a present file without size or sha256")
    _look_at_seal(row)
    if row.listed_seal is not None and row.listed_seal != _listed_seal(row):
        raise UnsoundError("checksum mismatch in the listed properties of a file")
    return row


def _listed_seal(row: FileRow) -> int:
    return seal_of(
        row.name, row.start, row.end, row.content, row.footer_lines, row.listed_size,
        row.listed_records, row.checksum, row.version, row.flags & LISTED_FLAGS, row.meta,
    )  # fmt: skip


SEALED = ("key", "size", "sha256", "records", "validator", "origin", "fetched", "proof")
"""What ``seal`` covers."""
LISTED_SEALED = (
    "name", "start", "end", "content", "footer_lines", "listed_size", "listed_records", "checksum",
    "version", "listed_flags", "meta",
)  # fmt: skip
"""What ``listed_seal`` covers; ``listed_flags`` are those of LISTED_FLAGS."""
LISTED_SEALED_SQL = ", ".join(f'"{name}"' for name in LISTED_SEALED).replace(
    '"listed_flags"', f"flags & {LISTED_FLAGS}"
)
"""The same in SQL."""


def manifest_row(values: tuple[Any, ...]) -> ManifestRow:
    """Converts a row of MANIFEST_COLUMNS to a ManifestRow. Raises UnsoundError."""
    MANIFEST_SHAPE.look(values)
    row = ManifestRow._make(values)
    sound.check_word(row.state, sound.STATES, "state")
    sound.check_word(row.content, CONTENTS, "content")
    sound.check_times(row.start, row.end, row.fetched)
    _look_at_seal(row)
    return row


def _look_at_seal(row: FileRow | ManifestRow) -> None:
    if row.seal is None or row.size is None:
        return
    name = row.name
    if row.seal != seal_of(
        name.lower() if name.isascii() else key(name), row.size, row.sha256, row.records,
        row.validator, row.origin, row.fetched, row.proof,
    ):  # fmt: skip
        raise UnsoundError("checksum mismatch in the verified properties of a file")


class JobRow(NamedTuple):
    """A row of the table of jobs."""

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
    refused: int | None
    refusal: str
    seal: int | None

    def slot_runs(self) -> tuple[Slots, ...]:
        """The slots that the job covers."""
        return tuple(_slots(item) for item in sound.json_of(self.slots, list) if item != _BOUNDED)

    @property
    def window(self) -> tuple[int, int]:
        """The period that its slots span, in Unix seconds; unbounded if it has none."""
        bounded = _BOUNDED in sound.json_of(self.slots, list)
        return _window(self.slot_runs(), bounded=bounded)

    def refused_with(self) -> tuple[FailureKind, str] | None:
        """Kind and message of the provider's refusal when it was last asked; None if it answered."""
        kind, message = sound.json_of(self.refusal, list)
        return None if self.refused is None else (FailureKind(kind), str(message))

    def warning_texts(self) -> tuple[str, ...]:
        """The provider's warnings when it was last asked."""
        return tuple(map(str, sound.json_of(self.warnings, list)))

    def problem_texts(self) -> tuple[tuple[FailureKind, str], ...]:
        """The failures of the job as a whole: kind and message of each."""
        return tuple(
            (FailureKind(kind), str(message))
            for kind, message in sound.json_of(self.problems, list)
        )


_BOUNDED: Final = "bounded"
"""Stored after the slots of a job that has no slots after them."""

JOB_COLUMNS = ", ".join(JobRow._fields)
_JOB = sound.Shape(JobRow.__annotations__)


def job_row(values: tuple[Any, ...]) -> JobRow:
    """Converts a row of JOB_COLUMNS to a JobRow. Raises UnsoundError."""
    _JOB.look(values)
    if values[-1] not in {None, job_seal(values)}:
        raise UnsoundError("checksum mismatch")
    row = JobRow._make(values)
    sound.check_word(row.state, sound.JOB_STATES, "job state")
    sound.check_times(row.expires, row.asked, row.listed, row.refused)
    sound.check_sizes(row.total_files, row.total_records, row.total_bytes, row.percent, row.rate)
    try:
        for read in (row.slot_runs, row.warning_texts, row.problem_texts, row.refused_with):
            read()
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise UnsoundError(str(error)) from None
    return row


def job_seal(values: tuple[Any, ...]) -> int:
    """Checksum of a row of JOB_COLUMNS, without its last column, the seal."""
    return seal_of(*values[:-1])


def window_of(status: JobStatus | None) -> tuple[int, int]:
    """The period in which files are expected, in Unix seconds; unbounded if unknown."""
    return ALL_TIME if status is None else _window(status.slots, bounded=status.bounded)


def _window(runs: Sequence[Slots], *, bounded: bool) -> tuple[int, int]:
    """The period in which files are expected, in Unix seconds; unbounded without slots.

    A window that is not ``bounded`` is open at its end: if the list became shorter there, files are
    missing from it.
    """
    if not runs:
        return ALL_TIME
    end = math.ceil(max(run.end for run in runs).timestamp()) if bounded else ALL_TIME[1]
    return math.floor(min(run.start for run in runs).timestamp()), end


def has_left(row: FileRow, window: tuple[int, int]) -> bool:
    """Whether a file is outside the period that its job has now."""
    if row.start is None or row.end is None:
        return False
    return row.end <= window[0] or row.start >= window[1]


def dump_slots(runs: tuple[Slots, ...], *, bounded: bool) -> str:
    """Serializes slots for the ledger."""
    dumped: list[Any] = [
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
    return json.dumps([*dumped, _BOUNDED] if bounded else dumped)


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
