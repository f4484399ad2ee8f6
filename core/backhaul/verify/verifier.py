"""Verifies a file in one pass over its stored bytes: digests, container and content."""

import hashlib
from typing import Protocol

from backhaul.errors import FailureKind
from backhaul.foreign import BLANK
from backhaul.types import Content, Proof
from backhaul.verify.bounded import ContentLimits, Unpacker
from backhaul.verify.contents import DOCUMENTS, GZIP, LINES, QUICK, parts
from backhaul.verify.digest import check_sum, second_digest
from backhaul.verify.document import DocumentReader
from backhaul.verify.fault import VerifyFault
from backhaul.verify.frames import Frames
from backhaul.verify.inflate import Inflater, inflate_small
from backhaul.verify.parquet import ParquetReader
from backhaul.verify.records import RecordCounter, scan_records
from backhaul.verify.rows import Rows
from backhaul.verify.unzip import Unzip

_SMALL = 1 << 19  # stored bytes
_INFLATED = 8 << 20


class _Reader(Protocol):
    """Reads a file's decompressed content, except JSON Lines."""

    records: int | None
    document: bytes | None

    def feed(self, text: bytes) -> None:
        """Adds a chunk. Raises VerifyFault."""

    def finish(self) -> Proof:
        """Ends the content and returns what it proves. Raises VerifyFault."""
        ...


def unpacker(content: str, limits: ContentLimits) -> Unpacker | None:
    """The decoder for a content; None if it is not compressed."""
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
        from backhaul.verify.tar import TarReader  # noqa: PLC0415 - tarfile loads slowly

        return TarReader()
    return ParquetReader() if form == "parquet" else None


class Verifier:
    """Verifies a file whose bytes are fed in order.

    Args:
        content: as in RemoteFile.
        footer_lines: as in RemoteFile.
        checksum: expected ``KIND:HEX``, as in RemoteFile.
        limits: decompression limits.
        kept: the file cannot be fetched again and is kept regardless of its records: bad records are
            counted in Content instead of raising a fault.
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
        limits: ContentLimits,
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
        self._blank = not kept  # only a byte order mark and whitespace so far
        self.size = 0

    def ready(self) -> bool:
        """Whether it can take a chunk now; one in another process may have to catch up."""
        return True

    def close(self) -> None:
        """Pauses; there is no process to end."""

    def feed(self, data: bytes) -> None:
        """Adds a chunk. Raises VerifyFault as soon as the file cannot be valid."""
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
                self._fault = (
                    fault  # the container's checks take precedence: they may report damage
                )

    def _read(self, lines: RecordCounter, text: bytes) -> None:
        """JSON Lines never start with ``<``; an error page sent with status 200 does."""
        if self._blank:
            head = text.lstrip(BLANK)
            self._blank = not head
            if head.startswith(b"<"):
                raise VerifyFault(FailureKind.NOT_DATA, "an HTML page or XML instead of JSON Lines")
        lines.feed(text)

    def finish(self) -> Content:
        """Ends the file and returns the result. Raises VerifyFault."""
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
            proof &= ~Proof.END  # for example tar in gzip, which has a checksum
        return Content(
            size=self.size,
            sha256=sha256,
            records=None if reader is None else reader.records,
            document=None if reader is None else reader.document,
            proof=proof,
        )


def verify_quick(
    data: bytes,
    content: str,
    *,
    footer_lines: int = 0,
    checksum: str | None = None,
    limits: ContentLimits,
) -> Content | None:
    """Verifies a typical small file in time bounded by its size.

    None if the file needs a Verifier: it is large, slow to verify, unusual or damaged. Raises VerifyFault.
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
    data: bytes,
    content: str,
    *,
    footer_lines: int = 0,
    checksum: str | None = None,
    limits: ContentLimits,
) -> Content:
    """Verifies a file held in memory. Raises VerifyFault."""
    seen = verify_quick(data, content, footer_lines=footer_lines, checksum=checksum, limits=limits)
    if seen is not None:
        return seen
    return _whole(data, content, footer_lines=footer_lines, checksum=checksum, limits=limits)


def _whole(
    data: bytes, content: str, *, footer_lines: int, checksum: str | None, limits: ContentLimits
) -> Content:
    verifier = Verifier(content, footer_lines=footer_lines, checksum=checksum, limits=limits)
    verifier.feed(data)
    return verifier.finish()


def check_records(lines: RecordCounter) -> None:
    """Checks that the text is JSON Lines and not cut off. Raises VerifyFault."""
    if lines.first_bad is None:
        return
    if lines.bad > lines.cut and not lines.nested:
        raise VerifyFault(FailureKind.NOT_DATA, "no JSON records, expected JSON Lines")
    if lines.cut:
        raise VerifyFault(FailureKind.TRUNCATED, "the last record is cut off")
