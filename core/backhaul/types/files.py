"""A file: as it is listed, how it is fetched, and what was seen of it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from typing import Any

from backhaul import checks
from backhaul.checks import LARGEST
from backhaul.errors import FailureKind
from backhaul.secret import Secret
from backhaul.types.states import CONTENTS, MISSING, Proof

_TRUTHS = (True, False)
_REFUSALS = range(400, 500)
_CHECKSUM = re.compile(
    "|".join(f"{kind}:[0-9a-f]{{{digits}}}" for kind, digits in checks.HEX_DIGITS.items()),
    re.IGNORECASE,
)


def _are_moments(start: object, end: object) -> bool:
    return (
        type(start) is datetime
        and type(end) is datetime
        and start.tzinfo is UTC
        and end.tzinfo is UTC
        and start <= end
    )


@dataclass(slots=True)  # a million are listed, and to make a frozen one takes three times as long
class RemoteFile:
    """One deliverable. Its identity is (job, name); the URL is only a hint.

    A value like the others here: use ``dataclasses.replace``, never set its fields.

    Attributes:
        name: relative POSIX path, unique in the job and stable.
        url: where it lies now; None when ``fetch_file`` says.
        start, end: the slot that it covers, UTC, half-open.
        size: stored bytes, where the provider says.
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

    def __post_init__(self) -> None:
        # A million are made: the plain case comes first, and takes half a microsecond.
        it: Any = self  # what a plugin gave, whatever the types say
        plain = (
            type(it.name) is str
            and it.name
            and type(it.url) is str
            and (it.size is None or (type(it.size) is int and 0 <= it.size <= LARGEST))
            and (it.records is None or (type(it.records) is int and 0 <= it.records <= LARGEST))
            and it.checksum is None
            and it.version is None
            and it.checksum_url is None
            and it.split is None
            and it.content in CONTENTS
            and it.aliases == ()
            and it.recheck in _TRUTHS
            and type(it.footer_lines) is int
            and it.footer_lines >= 0
            and type(it.meta) is dict
            and (it.start is None is it.end or _are_moments(it.start, it.end))
        )
        if not plain:
            self._check()

    def _check(self) -> None:
        checks.text(self, "name")
        if self.url is not None and type(self.url) is not str:
            checks.wrong(self, "url", "a str")
        checks.count(self, "size", optional=True)
        checks.count(self, "records", optional=True)
        checks.period(self)
        if self.content not in CONTENTS:
            checks.wrong(self, "content", f"one of {', '.join(CONTENTS)}")
        if self.checksum is not None and not _CHECKSUM.fullmatch(str(self.checksum)):
            checks.wrong(
                self, "checksum", f"one of {', '.join(f'{k}:HEX' for k in checks.HEX_DIGITS)}"
            )
        if self.checksum_url is not None:
            checks.http(self, "checksum_url")
        checks.a(self, "version", str, optional=True)
        checks.a(self, "recheck", bool)
        checks.mapping(self, "meta")
        checks.all_of(self, "aliases", str)
        checks.count(self, "footer_lines")
        checks.count(self, "split", least=1, optional=True)


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
    headers: Mapping[str, str | Secret] = field(default_factory=dict, repr=False)
    auth: tuple[str, Secret] | None = None
    ranges: bool = True
    expires: datetime | None = None
    missing: Collection[int] = MISSING

    def __post_init__(self) -> None:
        checks.http(self, "url")
        checks.mapping(self, "headers")
        for name, value in self.headers.items():
            said = value.reveal() if isinstance(value, Secret) else value
            if type(name) is not str or type(said) is not str:
                raise checks.FieldError(f"Request: the header {name!r} must be a str or a Secret")
            if not {"\r", "\n", "\0"}.isdisjoint(name + said):
                raise checks.FieldError(f"Request: the header {name!r} holds a line break")
        match self.auth:
            case None | (str(), Secret()):
                pass
            case _:
                checks.wrong(self, "auth", "a tuple of user and Secret")
        checks.moment(self, "expires")
        if self.missing is not MISSING and any(
            type(each) is not int or each not in _REFUSALS for each in self.missing
        ):
            checks.wrong(self, "missing", "a set of statuses from 400 to 499")


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

    def __post_init__(self) -> None:
        if not isinstance(self.data, bytes):
            checks.wrong(self, "data", "bytes")
        checks.a(self, "cursor", str, optional=True)
        checks.a(self, "damaged", bool)


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
    kind: FailureKind | None = None
    _: KW_ONLY
    fatal: bool = True

    def __post_init__(self) -> None:
        checks.a(self, "message", str)
        checks.a(self, "kind", FailureKind, optional=True)
