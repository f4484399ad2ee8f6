"""Content codings (RFC 9110, section 8.4), which are undone: they belong to the way, not to the file.

None is asked for. An answer that is coded all the same is decoded, with one exception: objects that are
gzip files are often stored with a label that says so, and then the labelled bytes are the file. The two
look alike from outside. What tells them apart is what comes out: for a file that is to be gzip, gzip
comes out only where the server has added a coding of its own.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Protocol

from backhaul.errors import FailureKind
from backhaul.types import Proof, RemoteFile
from backhaul.verify.contents import GZIP
from backhaul.verify.fault import VerifyFault
from backhaul.verify.inflate import Inflater
from backhaul.verify.verifier import Limits

_GZIP = frozenset({"gzip", "x-gzip"})
# The last one is left over from uploads to S3, and was undone there.
_NOTHING = frozenset({"", "identity", "none", "aws-chunked"})
_ENDINGS = (".gz", ".tgz", ".gzip")
MAGIC = b"\x1f\x8b"
_STEP = 1 << 18  # decoded bytes at a time
_BEGINNING = 1 << 16  # bytes in which a gzip header has come to its end


def codings(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The codings of an answer, in the order in which they were applied."""
    listed = headers.get("content-encoding", "").split(",")
    return tuple(name for each in listed if (name := each.strip().lower()) not in _NOTHING)


def unknown(names: Sequence[str]) -> str | None:
    """A coding that cannot be undone here, if there is one."""
    return next((name for name in names if name not in _GZIP and name != "deflate"), None)


def is_label(names: Sequence[str], file: RemoteFile, length: int | None) -> bool | None:
    """Whether codings may be no more than the label of a file that is stored as gzip.

    None: what comes out tells.
    """
    packed = file.content in GZIP or (file.content == "bytes" and file.name.endswith(_ENDINGS))
    if not (packed and len(names) == 1 and names[0] in _GZIP):
        return False
    return True if file.size is not None and file.size == length else None


def is_of_file(headers: Mapping[str, str], file: RemoteFile) -> bool:
    """Whether a part is one of the file, and not one of a coding of it."""
    names = codings(headers)
    return not names or is_label(names, file, None) is not False


def beginning(data: bytes) -> bytes | None:
    """The first two bytes that come out of gzip data; none when it is not gzip; None: not known yet."""
    engine = zlib.decompressobj(wbits=31)
    try:
        text = engine.decompress(data, len(MAGIC))
    except zlib.error:
        return b""
    known = len(text) == len(MAGIC) or engine.eof or len(data) > _BEGINNING
    return text if known else None


class _Stage(Protocol):
    """Undoes one coding."""

    @property
    def proof(self) -> Proof:
        """What it shows of the end of what it held, once it is over."""
        ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Takes coded bytes."""
        ...

    def finish(self) -> Iterator[bytes]:
        """The coded bytes are over."""
        ...


class Decoder:
    """Undoes the codings of an answer, in pieces of bounded size.

    Args:
        names: the codings, in the order in which they were applied; none of them unknown.
        file: what is fetched.
        limits: how far it may inflate.
    """

    def __init__(self, names: Sequence[str], file: RemoteFile, limits: Limits) -> None:
        self._stages: list[_Stage] = [
            _Gzip(limits) if name in _GZIP else _Deflate(limits) for name in reversed(names)
        ]
        if is_label(names[:1], file, None) is None:
            self._stages[-1] = _PerhapsGzip(limits)

    @property
    def proof(self) -> Proof:
        """What the codings show of the end of what they held, once they are over."""
        return self._stages[0].proof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields what the next bytes hold. Raises VerifyFault."""
        return self._through(data, self._stages)

    def finish(self) -> Iterator[bytes]:
        """Yields what is left; the answer is over. Raises VerifyFault."""
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
    def __init__(self, limits: Limits) -> None:
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
    """The innermost gzip of a file that is gzip itself: undone only where gzip comes out."""

    def __init__(self, limits: Limits) -> None:
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
    """zlib's format, or bare deflate data: both are sent under this name."""

    def __init__(self, limits: Limits) -> None:
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
            raise _wrong("ends unexpectedly", FailureKind.TRUNCATED)
        return iter(())


def _wrong(what: str, kind: FailureKind = FailureKind.CORRUPT) -> VerifyFault:
    return _named("deflate", VerifyFault(kind, what))


def _named(name: str, fault: VerifyFault) -> VerifyFault:
    return VerifyFault(fault.kind, f"Content-Encoding {name}: {fault.message}")
