"""Yields the records of CSV files and JSON documents, each as JSON."""

import codecs
import csv
import json
from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from backhaul.archive.records import LineTooLongError
from backhaul.archive.stored import DamagedFileError, StoredFile, compare
from backhaul.errors import BackhaulError, ExitCode
from backhaul.ledger.rows import FileRow
from backhaul.storage.destination import Destination
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.contents import LINES, parts
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import unpacker

_BLOCK = 1 << 20
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


class UnreadableRowsError(BackhaulError):
    """A CSV file is intact, but its rows cannot be parsed or its columns have no names."""

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


def blocks(folder: Destination, row: FileRow, limits: ContentLimits) -> Iterator[bytes]:
    """Blocks of whole lines: the records of a file in any of these formats, once all of its bytes are verified."""
    if row.content in LINES:
        yield from (text for _, text in StoredFile(folder, row, limits).read() if text)
        return
    compare(folder, row)
    held: list[bytes] = []
    size = 0
    for record in json_records(folder, row, limits):
        line = _one_line(record)
        if len(line) > limits.max_line:
            raise LineTooLongError(limits.max_line, row.name)
        held += (line, b"\n")
        size += len(line)
        if size >= _BLOCK:
            yield b"".join(held)
            held.clear()
            size = 0
    if held:
        yield b"".join(held)


def _one_line(record: bytes) -> bytes:
    if b"\n" not in record and b"\r" not in record:
        return record
    try:
        return msgspec.json.format(record, indent=-1)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return json.dumps(json.loads(record)).encode()


def _of_document(document: bytes) -> Iterator[bytes]:
    document = document.removeprefix(codecs.BOM_UTF8)
    try:
        found = _elements(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        value = json.loads(document)  # accepts more, such as lone surrogates
        if not isinstance(value, list):
            is_utf8 = json.detect_encoding(document).startswith("utf-8")
            yield document if is_utf8 else json.dumps(value).encode()
            return
        for each in value:
            yield json.dumps(each).encode()
    else:
        yield from map(bytes, found)


def _of_rows(row: FileRow, text: Iterable[bytes], longest: int) -> Iterator[bytes]:
    # The csv module has only this process-wide limit, so it is never lowered.
    csv.field_size_limit(max(csv.field_size_limit(), longest))
    rows = filter(None, csv.reader(_lines(row.name, text, longest)))
    held: deque[list[str]] = deque()  # the last rows: the footer, if nothing follows
    try:
        names = next(rows, [])
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UnreadableRowsError(f"{row.name}: two columns have the name {twice!r}")
        for number, values in enumerate(rows, 2):
            if len(values) == 1 < len(names) and not values[0].strip():
                continue  # a line of spaces
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
