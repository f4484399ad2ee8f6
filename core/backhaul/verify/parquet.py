"""Verifies Parquet by its magic numbers and footer; pages have no mandatory checksum."""

from collections import deque
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.bounded import ends_early, wrong_format
from backhaul.verify.fault import VerifyFault

_WHAT = "Parquet"
_MARK = b"PAR1"
_SEALED = b"PARE"  # encrypted footer
_LEAST = 12  # bytes: both magic numbers and the footer's length
_KEPT = 1 << 20  # bytes kept from the end, for the footer


class ParquetReader:
    """Verifies a Parquet file received in chunks."""

    __slots__ = ("_head", "_held", "_pieces", "_size", "document", "records")

    def __init__(self) -> None:
        self._head = b""
        self._pieces: deque[bytes] = deque()  # the end of the file
        self._held = 0
        self._size = 0
        self.records: int | None = None
        self.document: bytes | None = None

    def feed(self, text: bytes) -> None:
        """Adds a chunk. Raises VerifyFault."""
        if len(self._head) < len(_MARK):
            self._head += text[: len(_MARK) - len(self._head)]
            if not any(mark.startswith(self._head) for mark in (_MARK, _SEALED)):
                raise wrong_format(_WHAT, self._head + text[len(self._head) :])
        self._size += len(text)
        self._held += len(text)
        self._pieces.append(text)
        while self._held - len(self._pieces[0]) >= _KEPT:
            self._held -= len(self._pieces.popleft())

    def finish(self) -> Proof:
        """Ends the file and returns what it proves. Raises VerifyFault."""
        end = b"".join(self._pieces)
        if self._size < _LEAST or end[-4:] != self._head:
            raise ends_early(_WHAT, self._size)
        length = int.from_bytes(end[-8:-4], "little")
        if length > self._size - _LEAST:
            raise VerifyFault(FailureKind.CORRUPT, f"footer length {length} exceeds the file size")
        if self._head == _MARK and length + 8 <= len(end):
            _check_footer(end[-length - 8 :])
        return Proof.END


def _check_footer(footer: bytes) -> None:
    """Parses the footer if pyarrow is installed. Raises VerifyFault."""
    if find_spec("pyarrow") is None:
        return
    try:
        import_module("pyarrow.parquet").read_metadata(BytesIO(_MARK + footer))
    except NotImplementedError:
        return  # a type that this pyarrow does not support
    except (OSError, ValueError) as error:
        raise VerifyFault(FailureKind.CORRUPT, f"unreadable footer: {error}") from None
