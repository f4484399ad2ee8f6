"""A file as listed, the request that fetches it, and what the verifier found in it."""

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


def _is_checksum(value: object) -> bool:
    return type(value) is str and _CHECKSUM.fullmatch(value) is not None


def _are_moments(start: object, end: object) -> bool:
    return (
        type(start) is datetime
        and type(end) is datetime
        and start.tzinfo is UTC
        and end.tzinfo is UTC
        and start <= end
    )


@dataclass(slots=True)  # not frozen: that is three times as slow, and a million are listed
class RemoteFile:
    """One deliverable. Its identity is (job, name); the URL is only a hint.

    Treat it as immutable like the other values: use ``dataclasses.replace``, never set its fields.

    Attributes:
        name: relative POSIX path, stable and unique within the job.
        url: current location; None if ``fetch_file`` provides it.
        start, end: the slot that the file covers, UTC, half-open.
        size: stored bytes, if the provider reports it.
        checksum: ``KIND:HEX`` of the stored bytes, if the provider reports it: KIND is ``md5``, ``sha1``,
            ``sha256``, ``sha512`` or ``crc32c`` (with the extra ``crc32c``; its four bytes in network order).
        checksum_url: URL of a checksum file in the format of md5sum, sha1sum, sha256sum or sha512sum,
            which may list other files too. It is fetched just before the file, with the headers
            and credentials of the file's request if it has the same origin. Ignored if ``checksum``
            is set, and for chunked files.
        version: identifies the content without reading it: an ETag, a generation, or the modification
            time with the size. A new version is a new file.
        records: the provider's count of records.
        content: the file's format, for the verifier: a form (``jsonl``, ``csv``, ``json``, ``xml``, ``tar``,
            ``parquet``, ``bytes``), a compression of any bytes (``gz``, ``zst``, ``bz2``, ``xz``, ``zip``), or
            lines or a tar archive in one of these: ``jsonl.gz``, ``csv.zip``, ``tar.xz``; see ``CONTENTS``.
        optional: whether the file may not exist (404): it is then a gap, not a failure.
        recheck: whether to request the file again if an earlier run found it missing; False: only
            with ``--refresh``.
        meta: the provider's own data, serializable as JSON.
        aliases: other names under which earlier tools may have stored this file.
        footer_lines: number of non-blank lines at the end that are not records.
        suspect: whether the provider marks the file as doubtful.
        split: for chunked files (``pull_file``): stored bytes after which a new
            volume begins; the volumes' names have ``-00001`` and so on before the suffixes.
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
        # A million are created: the common case comes first, and takes half a microsecond.
        it: Any = self  # plugins may pass values of any type
        plain = (
            type(it.name) is str
            and it.name
            and type(it.url) is str
            and (it.size is None or (type(it.size) is int and 0 <= it.size <= LARGEST))
            and (it.records is None or (type(it.records) is int and 0 <= it.records <= LARGEST))
            and (it.checksum is None or _is_checksum(it.checksum))
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
    """Describes one transfer; the engine carries it out.

    Attributes:
        url: HTTP(S) URL, sent byte for byte.
        headers: sent only to the URL's origin, never to another origin after a redirect.
        auth: (user, password) for HTTP Basic, sent only to the URL's origin.
        ranges: whether the server supports range requests.
        expires: when the URL stops working.
        missing: statuses that mean that the file does not exist; an ``optional`` file is then a gap.
    """

    url: str = field(repr=False)
    _: KW_ONLY
    headers: Mapping[str, str | Secret] = field(default_factory=dict, repr=False)
    auth: tuple[str, Secret] | None = None
    ranges: bool = True
    expires: datetime | None = None
    missing: Collection[int] = MISSING

    def __post_init__(self) -> None:
        # As in RemoteFile: the common case comes first.
        it: Any = self
        plain = (
            type(it.url) is str
            and it.url.startswith(checks.HTTP)
            and type(it.headers) is dict
            and not it.headers
            and it.auth is None
            and it.expires is None
            and it.missing is MISSING
        )
        if not plain:
            self._check()

    def _check(self) -> None:
        checks.http(self, "url")
        checks.mapping(self, "headers")
        for name, value in self.headers.items():
            text = value.reveal() if isinstance(value, Secret) else value
            if type(name) is not str or type(text) is not str:
                raise checks.FieldError(f"Request: the header {name!r} must be a str or a Secret")
            if not {"\r", "\n", "\0"}.isdisjoint(name + text):
                raise checks.FieldError(f"Request: the header {name!r} contains a line break")
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
    """A chunk of a paged file; the engine makes it durable before it requests the next.

    Attributes:
        data: uncompressed bytes; stored as a separate gzip member if the content ends in ``.gz``.
        cursor: where ``pull_file`` can continue; None: only from the start.
        damaged: it arrived damaged on every attempt, and is kept as is to avoid losing it. It
            becomes a separate volume (of a file with ``split``), and if it has lines that are
            not JSON, the job stays incomplete.
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
"""Yielded by ``pull_file`` while no data is available; does not move the cursor."""


@dataclass(frozen=True, slots=True)
class Content:
    """What the verifier found in a file.

    Attributes:
        size: stored bytes.
        sha256: hex digest of the stored bytes.
        records: number of non-blank lines minus ``footer_lines``, including bad records; for CSV,
            rows below the header, or None if quotes are unbalanced; None for other contents.
        last: the last non-blank line, stripped and cut at 1 MiB; empty if there is none.
        document: the whole body of ``json`` and ``xml`` contents; None for others.
        proof: the proof from the bytes alone: CONTAINER or END, RECORDS, CHECKSUM.
        bad_records: number of lines that are not JSON, for JSON Lines, compressed or not.
        first_bad: position of the first: line (from 1) and byte of the uncompressed text (from 0).
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
    """A problem that ``check_file`` found in a file.

    Attributes:
        message: one line, human-readable.
        kind: the failure's kind; None: ``corrupt``.
        fatal: False for a remark about a file that is valid.
    """

    message: str
    kind: FailureKind | None = None
    _: KW_ONLY
    fatal: bool = True

    def __post_init__(self) -> None:
        checks.a(self, "message", str)
        checks.a(self, "kind", FailureKind, optional=True)
