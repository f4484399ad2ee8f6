"""Reads a verified file again and detects changes."""

import hashlib
from collections.abc import Iterator

from backhaul.archive.reading import verify_file
from backhaul.archive.records import LineTooLongError, Records
from backhaul.errors import BackhaulError, ExitCode, FailureKind
from backhaul.ledger.rows import FileRow
from backhaul.oserrors import StoppedError, StoreError, describe
from backhaul.stopping import Stopped, never, raise_if_stopped
from backhaul.storage.destination import Destination
from backhaul.storage.opening import InTheWayError
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.fault import VerifyFault
from backhaul.verify.inflate import Inflater
from backhaul.verify.verifier import unpacker

_BLOCK = 1 << 20


class DamagedFileError(BackhaulError):
    """A file on disk differs from the one that was verified."""

    exit_code = ExitCode.VERIFICATION
    kind = FailureKind.CORRUPT

    def __init__(self, file: str, message: str) -> None:
        super().__init__(f"{file}: {message}")


class StoredFile:
    """One pass over a file: its stored blocks, its records, and at the end the verification.

    Attributes:
        records: the extracted records.
        padded: zero padding follows the gzip data.
    """

    def __init__(self, folder: Destination, row: FileRow, limits: ContentLimits) -> None:
        self._folder = folder
        self._row = row
        self._limits = limits
        self.records = Records(footer_lines=row.footer_lines, max_line=limits.max_line)
        self._unpacker = unpacker(row.content, limits)

    @property
    def padded(self) -> bool:
        """Whether zero padding follows the gzip data."""
        return isinstance(self._unpacker, Inflater) and self._unpacker.padded

    def check(self) -> None:
        """Reads all of it, whatever it contains. Raises DamagedFileError, OSError."""
        row = self._row
        try:
            found = verify_file(self._folder.open, row.name, row.remote(), self._limits, kept=True)
        except VerifyFault as fault:
            raise DamagedFileError(row.name, fault.message) from None
        except InTheWayError as error:
            raise DamagedFileError(row.name, describe(error)) from None
        if found.sha256 != row.sha256:
            raise DamagedFileError(row.name, "content has changed since it was verified")

    def read(self) -> Iterator[tuple[bytes, bytes]]:
        """Yields each stored block with the records it completes.

        Raises:
            LineTooLongError: a line is longer than ``max_line_size``.
            DamagedFileError: size, hash, container or number of records differ from when it was
                verified. Much of it may have been yielded by then: discard all of it.
        """
        row = self._row
        found = hashlib.sha256()
        size = 0
        try:
            for block in self._blocks():
                size += len(block)
                found.update(block)
                if size > (row.size or 0):
                    break
                yield block, b""
                for text in self._texts(block):
                    yield b"", self.records.feed(text)
            if size != row.size:
                raise DamagedFileError(
                    row.name, f"has at least {size} bytes, had {row.size} when verified"
                )
            if found.hexdigest() != row.sha256:
                raise DamagedFileError(row.name, "content has changed since it was verified")
            if self._unpacker is not None:
                self._unpacker.finish()
        except VerifyFault as fault:
            raise DamagedFileError(row.name, fault.message) from None
        except LineTooLongError as error:
            raise LineTooLongError(error.limit, row.name) from None
        yield b"", self.records.finish()
        if self.records.count != row.records:
            raise DamagedFileError(
                row.name, f"has {self.records.count} records, had {row.records} when verified"
            )

    def _texts(self, block: bytes) -> Iterator[bytes]:
        return iter((block,)) if self._unpacker is None else self._unpacker.feed(block)

    def _blocks(self) -> Iterator[bytes]:
        try:
            stored = self._folder.open(self._row.name)
        except FileNotFoundError:
            raise DamagedFileError(self._row.name, "is no longer on disk") from None
        except InTheWayError as error:
            raise DamagedFileError(self._row.name, describe(error)) from None
        with stored:
            while block := stored.read(_BLOCK):
                yield block


def compare(folder: Destination, row: FileRow, stopped: Stopped = never) -> None:
    """Compares a file with its verified sha256. Raises DamagedFileError, OSError."""
    found = hashlib.sha256()
    try:
        with folder.open(row.name) as stored:
            while block := stored.read(_BLOCK):
                raise_if_stopped(stopped)
                found.update(block)
    except FileNotFoundError:
        raise DamagedFileError(row.name, "is no longer on disk") from None
    except (StoreError, StoppedError):
        raise
    except OSError as error:
        raise DamagedFileError(row.name, describe(error)) from None
    if found.hexdigest() != row.sha256:
        raise DamagedFileError(row.name, "content has changed since it was verified")
