"""Decodes content codings (RFC 9110, section 8.4): they belong to the transport, not to the file.

None is requested. Encoded responses are decoded anyway, with one exception: gzip files are often stored
with a label that says so, and then the labelled bytes are the file. The two cases look alike. What
distinguishes them is the decoded data: for a file that should be gzip, it is gzip only if the server
added its own coding.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Protocol

from backhaul.errors import FailureKind
from backhaul.types import Proof, RemoteFile
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.contents import GZIP
from backhaul.verify.fault import VerifyFault
from backhaul.verify.inflate import Inflater

_GZIP = frozenset({"gzip", "x-gzip"})
# aws-chunked is left over from uploads to S3, which decoded it.
_NOTHING = frozenset({"", "identity", "none", "aws-chunked"})
_ENDINGS = (".gz", ".tgz", ".gzip")
MAGIC = b"\x1f\x8b"
_STEP = 1 << 18  # decoded bytes per step
_BEGINNING = 1 << 16  # bytes that contain a complete gzip header


def codings(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The codings of a response in the order in which they were applied."""
    listed = headers.get("content-encoding", "").split(",")
    return tuple(name for each in listed if (name := each.strip().lower()) not in _NOTHING)


def unknown(names: Sequence[str]) -> str | None:
    """The first coding that is not supported, if any."""
    return next((name for name in names if name not in _GZIP and name != "deflate"), None)


def is_label(names: Sequence[str], file: RemoteFile, length: int | None) -> bool | None:
    """Whether the codings may be just the label of a file stored as gzip.

    None if only the decoded data can tell.
    """
    packed = file.content in GZIP or (file.content == "bytes" and file.name.endswith(_ENDINGS))
    if not (packed and len(names) == 1 and names[0] in _GZIP):
        return False
    return True if file.size is not None and file.size == length else None


def is_of_file(headers: Mapping[str, str], file: RemoteFile) -> bool:
    """Whether a range is a range of the file, not of an encoding of it."""
    names = codings(headers)
    return not names or is_label(names, file, None) is not False


def beginning(data: bytes) -> bytes | None:
    """The first two decoded bytes of gzip data; empty if not gzip; None if not known yet."""
    engine = zlib.decompressobj(wbits=31)
    try:
        text = engine.decompress(data, len(MAGIC))
    except zlib.error:
        return b""
    known = len(text) == len(MAGIC) or engine.eof or len(data) > _BEGINNING
    return text if known else None


class _Stage(Protocol):
    """Decodes one coding."""

    @property
    def proof(self) -> Proof:
        """What it proves about the end of its input, once finished."""
        ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Adds encoded bytes."""
        ...

    def finish(self) -> Iterator[bytes]:
        """Ends the encoded data."""
        ...


class Decoder:
    """Decodes a response in pieces of limited size.

    Args:
        names: the codings in the order in which they were applied; all supported.
        file: the file being fetched.
        limits: decompression limits.
    """

    def __init__(self, names: Sequence[str], file: RemoteFile, limits: ContentLimits) -> None:
        self._stages: list[_Stage] = [
            _Gzip(limits) if name in _GZIP else _Deflate(limits) for name in reversed(names)
        ]
        if is_label(names[:1], file, None) is None:
            self._stages[-1] = _PerhapsGzip(limits)

    @property
    def proof(self) -> Proof:
        """What the codings prove about the end of the data, once finished."""
        return self._stages[0].proof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields decoded data. Raises VerifyFault."""
        return self._through(data, self._stages)

    def finish(self) -> Iterator[bytes]:
        """Ends the response and yields remaining data. Raises VerifyFault."""
        for number, stage in enumerate(self._stages, start=1):
            for segment in stage.finish():
                yield from self._through(segment, self._stages[number:])

    @staticmethod
    def _through(data: bytes, stages: Sequence[_Stage]) -> Iterator[bytes]:
        segments: Iterator[bytes] = iter((data,))
        for stage in stages:
            segments = chain.from_iterable(map(stage.feed, segments))
        return segments


class _Gzip:
    def __init__(self, limits: ContentLimits) -> None:
        self._inflater = Inflater(max_ratio=limits.max_ratio, max_size=limits.max_size)
        self.proof = Proof.CONTAINER

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            yield from self._inflater.feed(data)
        except VerifyFault as fault:
            raise _named("gzip", fault) from None

    def finish(self) -> Iterator[bytes]:
        try:
            self._inflater.finish()
        except VerifyFault as fault:
            raise _named("gzip", fault) from None
        return iter(())


class _PerhapsGzip:
    """The innermost gzip coding of a gzip file: removed only if the decoded data is gzip."""

    def __init__(self, limits: ContentLimits) -> None:
        self._limits = limits
        self._held = b""
        self._decided = False
        self._gzip: _Gzip | None = None

    @property
    def proof(self) -> Proof:
        return Proof.NONE if self._gzip is None else self._gzip.proof

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._decided:
            data = self._held = self._held + data
            begins = beginning(data)
            if begins is None:
                return
            self._decided = True
            self._held = b""
            if begins == MAGIC:
                self._gzip = _Gzip(self._limits)
        if self._gzip is None:
            yield data
        else:
            yield from self._gzip.feed(data)

    def finish(self) -> Iterator[bytes]:
        if self._gzip is not None:
            yield from self._gzip.finish()
        elif self._held:
            yield self._held


class _Deflate:
    """The zlib format or raw deflate data: both are sent under this name."""

    def __init__(self, limits: ContentLimits) -> None:
        self._limits = limits
        self._head = b""
        self._engine: zlib._Decompress | None = None
        self._size = self._decoded = 0
        self.proof = Proof.NONE

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._engine is None:
            data = self._head = self._head + data
            if len(data) < len(MAGIC):
                return
            first = int.from_bytes(data[:2])
            is_zlib = first % 31 == 0 and (first >> 8) & 15 == zlib.DEFLATED
            self._engine = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        self._size += len(data)
        while not self._engine.eof:
            try:
                text = self._engine.decompress(data, _STEP)
            except zlib.error as error:
                raise _wrong(f"damaged data: {error}") from None
            self._decoded += len(text)
            bomb = self._decoded > max(_STEP, self._limits.max_ratio * self._size)
            if bomb or self._decoded > self._limits.max_size:
                raise _wrong(
                    "decompresses to more than max_inflated_size or max_inflate_ratio allows"
                )
            if text:
                yield text
            data = self._engine.unconsumed_tail
            if not data and len(text) < _STEP:
                break
        if self._engine.unused_data or (self._engine.eof and data):
            raise _wrong("trailing data")

    def finish(self) -> Iterator[bytes]:
        if self._engine is None or not self._engine.eof:
            raise _wrong("is cut short", FailureKind.TRUNCATED)
        return iter(())


def _wrong(what: str, kind: FailureKind = FailureKind.CORRUPT) -> VerifyFault:
    return _named("deflate", VerifyFault(kind, what))


def _named(name: str, fault: VerifyFault) -> VerifyFault:
    return VerifyFault(fault.kind, f"Content-Encoding {name}: {fault.message}")
