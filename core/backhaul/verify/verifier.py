"""One pass over a file's stored bytes: digest, container to the end, what it holds."""

import hashlib
from typing import TYPE_CHECKING, Protocol

from backhaul.errors import FailureKind
from backhaul.types import Content, Proof
from backhaul.verify.bounded import Unpacker
from backhaul.verify.contents import DOCUMENTS, GZIP, LINES, QUICK, parts
from backhaul.verify.digest import check_sum, second_digest
from backhaul.verify.document import DocumentReader
from backhaul.verify.fault import VerifyFault
from backhaul.verify.frames import Frames
from backhaul.verify.inflate import Inflater, inflate_small
from backhaul.verify.parquet import ParquetReader
from backhaul.verify.records import RecordCounter, scan_records
from backhaul.verify.rows import Rows
from backhaul.verify.tar import TarReader
from backhaul.verify.unzip import Unzip

if TYPE_CHECKING:
    from backhaul.config.settings import Settings

_BLANK = b"\xef\xbb\xbf \t\r\n"
_SMALL = 1 << 19  # bytes as stored
_INFLATED = 8 << 20


class Limits:
    """How far a file may unpack, see Bounded; and the bytes of a line that is held whole."""

    __slots__ = ("max_line", "max_ratio", "max_size")

    def __init__(
        self, *, max_ratio: float = 1100.0, max_size: int = 1 << 40, max_line: int = 64 << 20
    ) -> None:
        self.max_ratio = max_ratio
        self.max_size = max_size
        self.max_line = max_line

    @classmethod
    def of(cls, settings: "Settings") -> "Limits":
        """As the YAML's settings have them."""
        return cls(
            max_ratio=float(settings.max_inflate_ratio),
            max_size=settings.max_inflated_size,
            max_line=settings.max_line_size,
        )


class _Reader(Protocol):
    """What reads what a file holds, unpacked; JSON Lines aside."""

    records: int | None
    document: bytes | None

    def feed(self, text: bytes) -> None:
        """Takes the next piece. Raises VerifyFault."""

    def finish(self) -> Proof:
        """The text is over: says what it shows. Raises VerifyFault."""
        ...


def unpacker(content: str, limits: Limits) -> Unpacker | None:
    """What unpacks a content; None for one that is not packed."""
    form, packing = parts(content)
    ratio, size = limits.max_ratio, limits.max_size
    if packing == "gz":
        return Inflater(max_ratio=ratio, max_size=size)
    if packing == "zip":
        return Unzip(single=form != "bytes", max_ratio=ratio, max_size=size)
    return Frames(packing, max_ratio=ratio, max_size=size) if packing else None


def _reader(content: str, footer_lines: int) -> _Reader | None:
    form, _ = parts(content)
    if content in DOCUMENTS:
        return DocumentReader(content)
    if form == "csv":
        return Rows(footer_lines)
    if form == "tar":
        return TarReader()
    return ParquetReader() if form == "parquet" else None


class Verifier:
    """Takes a file's bytes in order and says at the end what it saw, or what is wrong with it.

    Args:
        content: as in RemoteFile.
        footer_lines: as in RemoteFile.
        checksum: ``KIND:HEX`` to agree with, as in RemoteFile.
        limits: bounds for what unpacks.
        kept: the file is kept whatever its records are, since it cannot be fetched again: Content says
            how many are bad, and no fault is raised for them.
    """

    __slots__ = (
        "_blank", "_checksum", "_fault", "_footer", "_hash", "_kept", "_lines", "_other", "_reader", "_unpacker", "size",
    )  # fmt: skip

    def __init__(
        self,
        content: str,
        *,
        footer_lines: int = 0,
        checksum: str | None = None,
        limits: Limits,
        kept: bool = False,
    ) -> None:
        self._footer = footer_lines
        self._checksum = checksum
        self._hash = hashlib.sha256()
        self._other = second_digest(checksum)
        self._unpacker = unpacker(content, limits)
        self._kept = kept
        self._lines = RecordCounter() if content in LINES else None
        self._reader = _reader(content, footer_lines)
        self._fault: VerifyFault | None = None
        self._blank = not kept  # nothing has come yet but a byte order mark and space
        self.size = 0

    def feed(self, data: bytes) -> None:
        """Takes the next piece. Raises VerifyFault as soon as it cannot become right any more."""
        self.size += len(data)
        self._hash.update(data)
        if self._other is not None:
            self._other.update(data)
        if self._unpacker is None:
            self._take(data)
        else:
            for text in self._unpacker.feed(data):
                self._take(text)

    def _take(self, text: bytes) -> None:
        if self._lines is not None:
            self._read(self._lines, text)
        elif self._reader is not None and self._fault is None:
            try:
                self._reader.feed(text)
            except VerifyFault as fault:
                if self._unpacker is None:
                    raise
                self._fault = fault  # of a text that the container's checks may yet call damaged

    def _read(self, lines: RecordCounter, text: bytes) -> None:
        """JSON Lines never begin with a ``<``; an error page that came with a 200 does."""
        if self._blank:
            head = text.lstrip(_BLANK)
            self._blank = not head
            if head.startswith(b"<"):
                raise VerifyFault(
                    FailureKind.NOT_DATA, "is a web page or XML where JSON Lines should be"
                )
        lines.feed(text)

    def finish(self) -> Content:
        """Says what was seen. Raises VerifyFault."""
        proof = Proof.NONE
        if self._unpacker is not None:
            self._unpacker.finish()
            proof |= self._unpacker.proof
        if self._fault is not None:
            raise self._fault
        if self._reader is not None:
            proof |= self._reader.finish()
        sha256 = self._hash.hexdigest()
        if self._checksum is not None:
            check_sum(self._checksum, sha256=sha256, other=self._other)
            proof |= Proof.CHECKSUM
        lines = self._lines
        if lines is None:
            return self._other_content(sha256, proof)
        lines.finish()
        if not self._kept:
            check_records(lines)
        if lines.count and not lines.bad:
            proof |= Proof.RECORDS
        return Content(
            size=self.size,
            sha256=sha256,
            records=max(0, lines.count - self._footer),
            last=lines.last,
            proof=proof,
            bad_records=lines.bad,
            first_bad=lines.first_bad,
        )

    def _other_content(self, sha256: str, proof: Proof) -> Content:
        reader = self._reader
        if proof & Proof.CONTAINER:
            proof &= ~Proof.END  # a tar archive in gzip has its bytes checked
        return Content(
            size=self.size,
            sha256=sha256,
            records=None if reader is None else reader.records,
            document=None if reader is None else reader.document,
            proof=proof,
        )


def verify_quick(
    data: bytes, content: str, *, footer_lines: int = 0, checksum: str | None = None, limits: Limits
) -> Content | None:
    """The same for the usual small file, in a time that is bounded by its size.

    None when it takes a closer look: what is large, slow, unusual, or not right. Raises VerifyFault.
    """
    if len(data) > _SMALL or content not in QUICK:
        return None
    if content not in GZIP and content not in LINES:
        return _whole(data, content, footer_lines=footer_lines, checksum=checksum, limits=limits)
    proof = _PROVEN[content]
    text = inflate_small(data, _INFLATED) if content in GZIP else data
    if text is None:
        return None
    sha256 = hashlib.sha256(data).hexdigest()
    if checksum is not None:
        other = second_digest(checksum)
        if other is not None:
            other.update(data)
        check_sum(checksum, sha256=sha256, other=other)
        proof |= Proof.CHECKSUM
    if content not in LINES:
        return Content(size=len(data), sha256=sha256, proof=proof)
    seen = scan_records(text)
    if seen is None:
        return None
    count, last = seen
    return Content(
        size=len(data),
        sha256=sha256,
        records=max(0, count - footer_lines),
        last=last,
        proof=proof if count else proof & ~Proof.RECORDS,
    )


_PROVEN = {
    "jsonl.gz": Proof.CONTAINER | Proof.RECORDS,
    "gz": Proof.CONTAINER,
    "jsonl": Proof.RECORDS,
}


def verify_small(
    data: bytes, content: str, *, footer_lines: int = 0, checksum: str | None = None, limits: Limits
) -> Content:
    """The same for any file that is in memory. Raises VerifyFault."""
    seen = verify_quick(data, content, footer_lines=footer_lines, checksum=checksum, limits=limits)
    if seen is not None:
        return seen
    return _whole(data, content, footer_lines=footer_lines, checksum=checksum, limits=limits)


def _whole(
    data: bytes, content: str, *, footer_lines: int, checksum: str | None, limits: Limits
) -> Content:
    verifier = Verifier(content, footer_lines=footer_lines, checksum=checksum, limits=limits)
    verifier.feed(data)
    return verifier.finish()


def check_records(lines: RecordCounter) -> None:
    """Whether a text that is over is JSON Lines at all, and not cut short. Raises VerifyFault."""
    if lines.first_bad is None:
        return
    if lines.bad > lines.cut and not lines.nested:
        raise VerifyFault(FailureKind.NOT_DATA, "holds no JSON record where JSON Lines should be")
    if lines.cut:
        raise VerifyFault(FailureKind.TRUNCATED, "ends in the middle of its last record")
