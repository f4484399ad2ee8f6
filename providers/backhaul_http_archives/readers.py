"""Index readers: each yields the files of an index, in constant memory."""

import csv
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from io import BytesIO
from itertools import accumulate
from typing import IO, Any, Final
from urllib.parse import unquote, urlsplit

import ijson
import jmespath
from jmespath.exceptions import JMESPathError

from backhaul import NotDataError
from backhaul_http_archives.entries import LONGEST, Entries, Entry, by_length, entry

_BLOCK: Final = 1 << 16
_GNU: Final = re.compile(r"(\\?)([0-9a-fA-F]{32,128}) [ *](.+)")
_BSD: Final = re.compile(r"(MD5|SHA1|SHA256|SHA512) ?\((.+)\) ?= ?([0-9a-fA-F]{32,128})")
_ARMOUR: Final = re.compile(r"-----(BEGIN|END) PGP (SIGNED MESSAGE|SIGNATURE)-----")
_PLAIN: Final = re.compile(r"[\w.+,=~-]+", re.ASCII)
_HTML: Final = re.compile(r"<(?:!doctype html|html|\?xml)\b", re.IGNORECASE)
_OF_FOLDERS: Final = re.compile(
    r"\s*\[?(?:index of|directory listing|(?:to )?parent directory)\b", re.IGNORECASE
)
_ELSEWHERE: Final = re.compile(r"(?:about|data|javascript|mailto|tel):", re.IGNORECASE)
_BOM: Final = b"\xef\xbb\xbf"
_EXACT: Final = re.compile(r"\s*\S+ \d\d:\d\d(?::\d\d)?\s+(\d{1,18})\s")
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS: Final = bytes(set(range(256)) - _STEPS.keys())
_DEEPEST: Final = 100  # levels of a JSON document
_STREAM: Final = re.compile(r"@?((?:[A-Za-z_]\w*)(?:\.[A-Za-z_]\w*)*)?\[\*?\]", re.ASCII)


def raw_lines(file: IO[bytes]) -> Iterator[str]:
    """The lines unchanged. Raises NotDataError for a line without end."""
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise NotDataError(f"line {number} of the index has more than {LONGEST:,} bytes")
        yield line.decode("utf-8", "replace")


def lines_of(file: IO[bytes]) -> Iterator[tuple[int, str]]:
    """The non-blank lines with their numbers. Raises NotDataError for a line without end."""
    for number, line in enumerate(raw_lines(file), 1):
        text = line.strip("\r\n\ufeff \t")
        if text:
            yield number, text


def read_lines(file: IO[bytes], pattern: re.Pattern[str]) -> Entries:
    """One file per line, from the pattern's named groups; lines that do not match are skipped.

    Raises NotDataError if no line matches, or for a page whose first tag would be a file.
    """
    found = count = 0
    for number, line in lines_of(file):
        count += 1
        match = pattern.search(line)
        if match is not None:
            if count == 1 and match.start() == 0 and _HTML.match(line):
                raise NotDataError("an HTML page or XML instead of a list of files")
            found += 1
            yield entry(match.groupdict(), f"line {number} of the index")
    if count and not found:
        raise NotDataError(f"none of the {count:,} lines of the index matches lines.pattern")


def read_sums(file: IO[bytes]) -> Entries:
    """Digests and names in the formats of md5sum and sha256sum (GNU) and of BSD; may be PGP-signed.

    Raises NotDataError for any other line.
    """
    in_signature = False
    for number, line in lines_of(file):
        armour = _ARMOUR.fullmatch(line)
        if armour is not None:
            in_signature = armour[2] == "SIGNATURE"
            continue
        if in_signature or line.startswith(("#", "Hash: ")):
            continue
        where = f"line {number} of the checksum file"
        yield _sum(line.removeprefix("- "), where)


def _sum(line: str, where: str) -> Entry:
    if gnu := _GNU.fullmatch(line):
        name, checksum = gnu[3], by_length(gnu[2])
        if gnu[1]:
            name = re.sub(r"\\(.)", lambda each: {"n": "\n", "r": "\r"}.get(each[1], each[1]), name)
    elif bsd := _BSD.fullmatch(line):
        name, checksum = bsd[2], by_length(bsd[3])
        if checksum is not None and checksum.partition(":")[0] != bsd[1].lower():
            checksum = None
    else:
        name, checksum = "", None
    if checksum is None:
        raise NotDataError(f"{where} is not a digest followed by a name: {line[:80]!r}")
    name = name.removeprefix("./")
    return entry({"name": name}, where)._replace(checksum=checksum)


class Links(HTMLParser):
    """Collects the links of a page, and the text after each.

    Attributes:
        found: links that were not read yet, with the texts after them.
        is_folder: the page is the index of a folder, judging by its title or the links to its parent or
            its other orders.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self.is_folder = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            href = dict(attrs).get("href")
            if href:
                self.found.append((href, []))
                self.is_folder = self.is_folder or href.startswith(("?", ".."))

    def handle_data(self, data: str) -> None:
        self.is_folder = self.is_folder or _OF_FOLDERS.match(data) is not None
        if self.found and len(self.found[-1][1]) < 5:  # noqa: PLR2004 - the name, a date, a size
            self.found[-1][1].append(data[:300])


def read_autoindex(file: IO[bytes], page: Links | None = None) -> Entries:
    """The links of an index page of Apache, nginx, lighttpd or Python, without folders.

    Only exact sizes are used. Raises NotDataError if there is no link and it is not a folder's.
    """
    page = Links() if page is None else page
    links = 0
    last = ""
    while block := file.read(_BLOCK):
        page.feed(block.decode("utf-8", "replace"))
        for href, texts in page.found[:-1]:
            links += 1
            if href != last:
                yield from _link(href, texts)
            last = href
        del page.found[:-1]
        if len(page.rawdata) > 4 * _BLOCK:
            raise NotDataError("the index is not a page of links: it has an unterminated tag")
    page.close()
    for href, texts in page.found:
        links += 1
        if href != last:
            yield from _link(href, texts)
    if not (links or page.is_folder):
        raise NotDataError("the index is a page without links")


def _link(href: str, texts: list[str]) -> Entries:
    if href.startswith(("?", "#")) or len(href) > LONGEST or _ELSEWHERE.match(href):
        return  # the same list in another order, or no file at all
    name = href
    if _PLAIN.fullmatch(href) is None:
        try:
            name = unquote(urlsplit(href).path.rpartition("/")[2])
        except ValueError:
            return
    if not name or name in {".", ".."}:
        return
    exact = _EXACT.match("".join(texts[1:]) + " ") if len(texts) > 1 else None
    yield Entry(href, name, None if exact is None else int(exact[1]))


def read_csv(file: IO[bytes], columns: Mapping[str, str], delimiter: str) -> Entries:
    """One file per row; ``columns`` names the column of each of FIELDS. Raises NotDataError."""
    rows = csv.reader(raw_lines(file), delimiter=delimiter)
    try:
        head = [cell.strip().lstrip("\ufeff") for cell in next(rows, [])]
        places = {field: _column(head, column) for field, column in columns.items()}
        for row in rows:
            if not row:
                continue
            where = f"line {rows.line_num} of the index"
            if len(row) <= max(places.values()):
                raise NotDataError(f"{where} has {len(row)} columns instead of {len(head)}")
            yield entry({field: row[place] for field, place in places.items()}, where)
    except csv.Error as error:
        raise NotDataError(f"line {rows.line_num} of the index is not CSV: {error}") from None


def _column(head: list[str], column: str) -> int:
    if column not in head:
        there = ", ".join(head)[:200] or "none"
        raise NotDataError(f"the index has no column {column!r}; there are: {there}")
    return head.index(column)


def read_json(file: IO[bytes], paths: Mapping[str, Any], files: str, most: int) -> Entries:
    """One file for each value of the expression ``files``; the other expressions apply to each.

    A plain path that ends in ``[*]`` is streamed. Any other expression needs the whole document,
    which may then have at most ``most`` bytes.

    Raises:
        NotDataError: it is not JSON, or a value has the wrong type.
    """
    number = 0
    try:
        for value in _values(file, files, most):
            number += 1
            where = f"file {number} of the index"
            if isinstance(value, dict):
                found = {field: path.search(value) for field, path in paths.items()}
            elif isinstance(value, str):
                found = {"url": value}
            else:
                raise NotDataError(f"{where} is not an object")
            yield entry(found, where)
    except (
        ijson.JSONError,
        UnicodeDecodeError,
        RecursionError,
    ):  # their messages quote the document
        raise NotDataError("the index is not JSON") from None
    except JMESPathError as error:
        raise NotDataError(f"json: {str(error).splitlines()[0][:200]}") from None


class _Shallow:
    """A JSON file whose nesting is limited: ijson's memory grows with the square of the depth."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._depth = 0
        self._carry = b""  # the start of an escape
        self._quoted = 0  # 1 in a string

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Raises NotDataError if they are nested too deeply."""
        block = self._file.read(size)
        text = (self._carry + block).replace(b"\\\\", b"")
        self._carry = b"\\" if text.endswith(b"\\") else b""
        parts = text.removesuffix(b"\\").replace(b'\\"', b"").split(b'"')
        outside = b"".join(parts[self._quoted :: 2])
        self._quoted ^= (len(parts) - 1) & 1
        steps = map(_STEPS.__getitem__, outside.translate(None, _NO_BRACKETS))
        *depths, self._depth = accumulate(steps, initial=self._depth)
        if max(depths, default=0) > _DEEPEST or self._depth > _DEEPEST:
            raise NotDataError(f"the index is nested more than {_DEEPEST} levels deep")
        return block


def _values(file: IO[bytes], files: str, most: int) -> Iterator[Any]:
    start = 0 if file.read(len(_BOM)) != _BOM else len(_BOM)
    file.seek(start)
    plain = _STREAM.fullmatch(files)
    if plain is not None:
        prefix = plain[1] or ""
        found = False
        for value in ijson.items(
            _Shallow(file), f"{prefix}.item" if prefix else "item", use_float=True
        ):
            found = True
            yield value
        if not found:
            _look_for_list(file, start, prefix, files)
        return
    body = file.read(most + 1)
    if len(body) > most:
        raise NotDataError(
            f"the index has more than {most:,} bytes: write json.files as a plain path such as"
            " files[*], which is read as a stream"
        )
    document = next(iter(ijson.items(_Shallow(BytesIO(body)), "", use_float=True)))
    found = jmespath.search(files, document)
    if found is None:
        return
    if not isinstance(found, list):
        raise NotDataError(
            "json.files returns a single value; write an expression that returns a list"
        )
    yield from found


def _look_for_list(file: IO[bytes], start: int, prefix: str, files: str) -> None:
    """Raises NotDataError if the list does not exist, rather than being empty."""
    file.seek(start)
    found = ((path, event) for path, event, _ in ijson.parse(_Shallow(file)))
    if (prefix, "start_array") not in found:
        raise NotDataError(f"the index has no list {files}")
