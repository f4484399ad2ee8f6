"""The values that pass between a provider and the core.

All are frozen and slotted; the first one or two fields may be given by position, the rest by name.
Times are aware datetimes in UTC; periods are half-open, ``[start, end)``. Sizes are bytes.
"""

from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta
from enum import IntFlag, StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from backhaul.errors import FailureKind
    from backhaul.options import JobOptions, SourceOptions
    from backhaul.secret import Secret


PACKINGS = ("gz", "zst", "bz2", "xz", "zip")
"""How a content may be packed."""

CONTENTS = (
    "jsonl.gz", "jsonl", "csv", "json", "xml", "tar", "parquet", "bytes", *PACKINGS,
    "jsonl.zst", "jsonl.bz2", "jsonl.xz", "jsonl.zip",
    "csv.gz", "csv.zst", "csv.bz2", "csv.xz", "csv.zip",
    "tar.gz", "tar.zst", "tar.bz2", "tar.xz",
)  # fmt: skip
"""What a file may hold: a form, a packing of any bytes, or both; see ``RemoteFile.content``."""


MISSING = frozenset({404, 410})
"""What a server usually answers for a file that it does not have, see ``Request.missing``."""


class JobState(StrEnum):
    """How far a job is at the provider."""

    PENDING = "pending"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


class SlotState(StrEnum):
    """The state of a file or of a slot."""

    PENDING = "pending"
    PARTIAL = "partial"
    VERIFIED = "verified"
    SILENT = "silent"
    MISSING = "missing"
    CORRUPT = "corrupt"
    SUSPECT = "suspect"
    LOST = "lost"
    FAILED = "failed"
    UNKNOWN = "unknown"


HERE: Final = frozenset({SlotState.VERIFIED, SlotState.SUSPECT})
"""States of a file that is here, whole."""


class Proof(IntFlag):
    """What shows that a file is whole; see ``PROVES_END`` for what shows where it ends.

    CONTAINER: the format's end was reached, and its checks are right. END: its end was reached, and it
    has no check over its bytes (a zstd frame without a checksum, tar, Parquet).
    """

    NONE = 0
    LENGTH = 1
    LISTED_SIZE = 2
    CONTAINER = 4
    RECORDS = 8
    FOOTER = 16
    COUNT = 32
    CHECKSUM = 64
    END = 128

    def words(self) -> list[str]:
        """The stable words for JSON and the manifest: ``["length", "container"]``."""
        return [str(bit.name).lower().replace("_", "-") for bit in self]


PROVES_END = (
    Proof.LENGTH | Proof.LISTED_SIZE | Proof.CONTAINER | Proof.FOOTER | Proof.COUNT | Proof.CHECKSUM
    | Proof.END
)  # fmt: skip
"""Evidence that shows where a file ends. Records that parse show it only of what is there."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How politely a provider's API is asked.

    Attributes:
        per_second: calls a second at most, to one origin; None: no limit.
        burst: calls that may follow each other at once.
    """

    per_second: float | None = None
    _: KW_ONLY
    burst: int = 1


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """What a provider is: its title, its options and its manners.

    Attributes:
        title: the name for people.
        source: pydantic model of the keys of a source (an account).
        job: pydantic model of the keys of a job.
        pace: how politely the API is asked.
        call_cost: rate points that one API call costs, where the provider charges for calls (for ``plan``).
        series: key of ``RemoteFile.meta`` by which a job's files are of different kinds, each rolled
            up by itself (an archive with a file a day for each of several types of message, say).
        example: a commented YAML example for ``backhaul init``.
    """

    title: str
    source: "type[SourceOptions]"
    job: "type[JobOptions]"
    _: KW_ONLY
    pace: Pace | None = None
    call_cost: float | None = None
    series: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as the provider lists it.

    Attributes:
        id: what names it at the provider; unique in the account.
        title: its name for people.
        state: how far it is.
        start, end: the period that it covers.
        meta: what else the provider says of it, for ``backhaul jobs --json``.
    """

    id: str
    title: str = ""
    _: KW_ONLY
    state: JobState = JobState.READY
    start: datetime | None = None
    end: datetime | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """What the provider itself says that a job holds; None where it does not say."""

    files: int | None = None
    records: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Slots:
    """A run of equal slots, or a single one.

    Attributes:
        start: the first slot's start.
        end: the last slot's end, exclusive.
        every: length of a slot; None: the whole is one slot.
        state: what the provider itself says of it; None: the files decide.
        records: the provider's own count.
        note: a word for people.
    """

    start: datetime
    end: datetime
    _: KW_ONLY
    every: timedelta | None = None
    state: SlotState | None = None
    records: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job's state at the provider.

    Attributes:
        state: where it is; only READY jobs are resolved.
        percent: 0 to 100, for show only.
        message: the provider's own words.
        expires: when the provider deletes the data.
        totals: the provider's own totals, to reconcile with.
        slots: the slots that the job covers; a slot without a file is silent once the job is listed
            whole, the list agrees with the provider's own counts, and each file that is not
            ``optional`` has a period.
        retry_after: seconds after which asking again is worth it (an estimate of the provider's).
        partial: the job is still running, yet its data can be fetched now (a queue that drains);
            the run fetches what there is, and the job is not complete before READY.
        warnings: things a person should know (data lost at the provider's side, say).
        identity: keys of the job's identity that only the provider knows, by their names in YAML:
            the ``id`` of a job that the YAML names by its title (see ``backhaul.Identity``).
        missing_run: so many optional files in a row that are not there are not believed: they are
            ``unknown``, and the job fails as ``not_found``. Counted by time, apart for each series
            (see ``ProviderInfo.series``), earlier runs included; those before the first one that
            ever was there do not count. 0: each is a gap, however many there are.
        doubt: why the provider's own words do not prove which slots are silent (its list contradicts
            its counts, say); then a slot without a file is ``unknown``. Where ``totals.files`` differs
            from the number of files listed, the core says so itself.
    """

    state: JobState
    percent: float | None = None
    message: str = ""
    _: KW_ONLY
    expires: datetime | None = None
    totals: Totals | None = None
    slots: tuple[Slots, ...] = ()
    retry_after: float | None = None
    partial: bool = False
    warnings: tuple[str, ...] = ()
    identity: Mapping[str, str] = field(default_factory=dict)
    missing_run: int = 0
    doubt: str = ""


@dataclass(slots=True)  # a million are listed, and to make a frozen one takes three times as long
class RemoteFile:
    """One deliverable. Its identity is (job, name); the URL is only a hint.

    A value like the others here: use ``dataclasses.replace``, never set its fields.

    Attributes:
        name: relative POSIX path, unique in the job and stable.
        url: where it lies now; None when ``fetch_file`` says.
        start, end: the slot that it covers.
        size: bytes, where the provider says.
        checksum: ``KIND:HEX`` of the stored bytes, where the provider says: KIND is ``md5``, ``sha1``,
            ``sha256``, ``sha512`` or ``crc32c`` (with the extra ``crc32c``; its four bytes in network order).
        checksum_url: where a file with its checksum lies, as md5sum, sha1sum, sha256sum or sha512sum
            write it, perhaps one of many files; fetched before the file, only when the file is, with
            the headers and credentials of its request if it has the same origin. Not needed beside a
            ``checksum``, and not used for chunked files.
        version: what the listing says of the content without its bytes: an ETag, a generation, a
            time of modification with the size. Another version is another file.
        records: the provider's own count.
        content: what the verifier reads: a form (``jsonl``, ``csv``, ``json``, ``xml``, ``tar``,
            ``parquet``, ``bytes``), a packing of any bytes (``gz``, ``zst``, ``bz2``, ``xz``, ``zip``), or
            lines or a tar archive in one of these: ``jsonl.gz``, ``csv.zip``, ``tar.xz``; see ``CONTENTS``.
        optional: that it is not there (404) is a gap and not a failure.
        recheck: whether an earlier run's finding that it is not there is asked about again; False:
            only with ``--refresh``.
        meta: the provider's own; survives JSON.
        aliases: other names under which earlier tools may have stored the same file.
        footer_lines: non-blank lines at the end that are no records.
        suspect: the provider itself marks the file as doubtful.
        split: for chunked files (``pull_file``): stored bytes after which the next
            piece begins; the pieces are named by putting ``-00001`` and so on before the suffixes.
    """

    name: str
    url: str | None = field(default=None, repr=False)
    _: KW_ONLY
    start: datetime | None = None
    end: datetime | None = None
    size: int | None = None
    checksum: str | None = None
    checksum_url: str | None = field(default=None, repr=False)
    version: str | None = None
    records: int | None = None
    content: str = "jsonl.gz"
    optional: bool = False
    recheck: bool = True
    meta: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    footer_lines: int = 0
    suspect: bool = False
    split: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A recipe for one transfer; the engine carries it out.

    Attributes:
        url: http or https, kept byte for byte.
        headers: sent to the URL's own origin only, never to a redirect's target elsewhere.
        auth: (user, password) for HTTP Basic, to the URL's own origin only.
        ranges: whether the server can be asked for parts.
        expires: when the URL stops working.
        missing: statuses that say that the file is not there: an ``optional`` one is then a gap.
    """

    url: str = field(repr=False)
    _: KW_ONLY
    headers: "Mapping[str, str | Secret]" = field(default_factory=dict, repr=False)
    auth: "tuple[str, Secret] | None" = None
    ranges: bool = True
    expires: datetime | None = None
    missing: Collection[int] = MISSING


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a paged file; the engine makes it durable before it asks for the next.

    Attributes:
        data: uncompressed bytes; stored as a gzip member of its own when the content ends in ``.gz``.
        cursor: the point from which ``pull_file`` can continue, as text; None: only from the beginning.
        damaged: it arrived damaged on every attempt, and would be lost if it were not kept as it
            is. It becomes a piece of its own (of a file with ``split``), and if lines of it
            are not JSON, the job is not complete, now and later.
    """

    data: bytes = field(repr=False)
    cursor: str | None = None
    damaged: bool = field(default=False, kw_only=True)


IDLE = Chunk(b"")
"""What ``pull_file`` yields while nothing waits: a Chunk without data that moves the cursor nowhere."""


@dataclass(frozen=True, slots=True)
class Content:
    """What the verifier saw of a file.

    Attributes:
        size: stored bytes.
        sha256: hex digest of the stored bytes.
        records: non-blank lines less ``footer_lines``, bad ones too; rows of CSV, the header
            too, or None where its quotes do not pair; None for contents that are not lines.
        last: the last non-blank line, stripped, at most 1 MiB of it; empty when there is none.
        document: the whole body of ``json`` and ``xml`` contents; None for all others.
        proof: what the bytes alone show: CONTAINER or END, RECORDS, CHECKSUM.
        bad_records: lines that are not JSON, of JSON Lines, packed or not.
        first_bad: line (from 1) and byte of the unpacked text (from 0) where the first begins.
    """

    size: int
    sha256: str
    records: int | None = None
    last: bytes = field(default=b"", repr=False)
    document: bytes | None = field(default=None, repr=False)
    proof: Proof = Proof.NONE
    bad_records: int = 0
    first_bad: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What ``check_file`` finds wrong with a file.

    Attributes:
        message: one line for people.
        kind: the failure's kind; None: ``corrupt``.
        fatal: False for what is worth reporting though the file is good as it is.
    """

    message: str
    kind: "FailureKind | None" = None
    _: KW_ONLY
    fatal: bool = True
