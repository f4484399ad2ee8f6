"""Yields the records of CSV files and JSON documents, each as JSON."""

import codecs
import csv
import json
from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from backhaul.archive.records import LineTooLongError
from backhaul.archive.stored import DamagedFileError
from backhaul.errors import BackhaulError, ExitCode
from backhaul.ledger.rows import FileRow
from backhaul.storage.destination import Destination
from backhaul.verify.contents import parts
from backhaul.verify.fault import VerifyFault
from backhaul.verify.limits import ContentLimits
from backhaul.verify.verifier import unpacker

FORMS = frozenset({"csv", "json"})
"""The forms that are read here, see ``contents.parts``."""

_BLOCK = 1 << 20
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


class UnreadableRowsError(BackhaulError):
    """A CSV file is whole, but its rows cannot be told apart or have no names."""

    exit_code = ExitCode.INCOMPLETE


def json_records(folder: Destination, row: FileRow, limits: ContentLimits) -> Iterator[bytes]:
    """The records of a file whose bytes were compared with the ledger.

    A row of a CSV file (RFC 4180, comma-separated) is an object with the names of the header: all values
    are strings, and one that a short row lacks is null. An element of a JSON array is as stored; any
    other JSON document is one record.

    Raises:
        DamagedFileError: the file does not decompress.
        LineTooLongError: a line or a value is longer than ``max_line_size``.
        UnreadableRowsError: the rows cannot be read.
        OSError: the file cannot be read.
    """
    text = _text(folder, row, limits)
    if parts(row.content)[0] == "json":
        return _of_document(b"".join(text))
    return _of_rows(row, text, limits.max_line)


def _text(folder: Destination, row: FileRow, limits: ContentLimits) -> Iterator[bytes]:
    unpack = unpacker(row.content, limits)
    try:
        with folder.open(row.name) as stored:
            while block := stored.read(_BLOCK):
                if unpack is None:
                    yield block
                else:
                    yield from unpack.feed(block)
        if unpack is not None:
            unpack.finish()
    except VerifyFault as fault:
        raise DamagedFileError(row.name, fault.message) from None


def _of_document(document: bytes) -> Iterator[bytes]:
    document = document.removeprefix(codecs.BOM_UTF8)
    try:
        found = _elements(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        value = json.loads(document)  # accepts more, such as lone surrogates
        if not isinstance(value, list):
            yield document
            return
        for each in value:
            yield json.dumps(each).encode()
    else:
        yield from map(bytes, found)


def _of_rows(row: FileRow, text: Iterable[bytes], longest: int) -> Iterator[bytes]:
    # For all of the process, since the module knows no other limit: it is never lowered.
    csv.field_size_limit(max(csv.field_size_limit(), longest))
    rows = filter(None, csv.reader(_lines(row.name, text, longest)))
    held: deque[list[str]] = deque()  # the last rows: the footer, if nothing follows
    try:
        names = next(rows, [])
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UnreadableRowsError(f"{row.name}: two columns have the name {twice!r}")
        for number, values in enumerate(rows, 2):
            if len(values) > len(names):
                raise UnreadableRowsError(
                    f"{row.name}: row {number} has {len(values)} values, the header {len(names)} names"
                )
            held.append(values)
            if len(held) > row.footer_lines:
                found: list[str | None] = [*held.popleft()]
                found += [None] * (len(names) - len(found))
                yield msgspec.json.encode(dict(zip(names, found, strict=True)))
    except csv.Error as error:
        raise UnreadableRowsError(f"{row.name}: {error}") from None


def _lines(name: str, text: Iterable[bytes], longest: int) -> Iterator[str]:
    """Lines with their ends, bytes that are not UTF-8 replaced by U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    pieces: list[str] = []
    held = 0
    for block in text:
        *whole, rest = decoder.decode(block).split("\n")
        for line in whole:
            yield "".join((*pieces, line, "\n"))
            pieces.clear()
            held = 0
        pieces.append(rest)
        held += len(rest)
        if held > longest:
            raise LineTooLongError(longest, name)
    last = "".join((*pieces, decoder.decode(b"", final=True)))
    if last:
        yield last
