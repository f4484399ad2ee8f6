"""Index readers: each yields the files of an index, in constant memory."""

import csv
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
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
_EXACT: Final = re.compile(r"\s*\S+ \d\d:\d\d(?::\d\d)?\s+(\d{1,18})\s")
_STREAM: Final = re.compile(r"@?((?:[A-Za-z_]\w*)(?:\.[A-Za-z_]\w*)*)?\[\*?\]", re.ASCII)


def raw_lines(file: IO[bytes]) -> Iterator[str]:
    """The lines as they are. Raises NotDataError for an endless one."""
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise NotDataError(f"line {number} of the index has more than {LONGEST:,} bytes")
        yield line.decode("utf-8", "replace")


def lines_of(file: IO[bytes]) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, each with its number. Raises NotDataError for an endless one."""
    for number, line in enumerate(raw_lines(file), 1):
        text = line.strip("\r\n\ufeff \t")
        if text:
            yield number, text


def read_lines(file: IO[bytes], pattern: re.Pattern[str]) -> Entries:
    """A file a line, as the pattern's named groups say; lines that it does not match are left out.

    Raises NotDataError where it matches none at all.
    """
    found = count = 0
    for number, line in lines_of(file):
        count += 1
        match = pattern.search(line)
        if match is not None:
            found += 1
            yield entry(match.groupdict(), f"line {number} of the index")
    if count and not found:
        raise NotDataError(f"none of the {count:,} lines of the index matches lines.pattern")


def read_sums(file: IO[bytes]) -> Entries:
    """Digests and names, as md5sum and sha256sum write them (GNU) and as BSD does; PGP-signed too.

    Raises NotDataError for a line that is neither.
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


class _Links(HTMLParser):
    """Collects the links of a page, and the text that follows each."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            href = dict(attrs).get("href")
            if href:
                self.found.append((href, []))

    def handle_data(self, data: str) -> None:
        if self.found and len(self.found[-1][1]) < 5:  # noqa: PLR2004 - the name, a date, a size
            self.found[-1][1].append(data[:300])


def read_autoindex(file: IO[bytes]) -> Entries:
    """The links of a page as Apache, nginx, lighttpd and Python write it; folders are left out.

    Sizes are taken where they are exact. Raises NotDataError where there is no link at all.
    """
    page = _Links()
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
    if not links:
        raise NotDataError("the index is a page without links")


def _link(href: str, texts: list[str]) -> Entries:
    if href.startswith(("?", "#")) or len(href) > LONGEST:
        return  # another order of the same list
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
    """A file a row; ``columns`` names the column of each of FIELDS. Raises NotDataError."""
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
    """A file for each value that the expression ``files`` gives; the others are of each of these.

    A plain path that ends in ``[*]`` is read as a stream. Any other expression needs the document as
    a whole, which may then have ``most`` bytes.

    Raises:
        NotDataError: it is not JSON, or a value is not what it should be.
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
    except (ijson.JSONError, UnicodeDecodeError, RecursionError):  # their texts quote the document
        raise NotDataError("the index is not JSON") from None
    except JMESPathError as error:
        raise NotDataError(f"json: {str(error).splitlines()[0][:200]}") from None


def _values(file: IO[bytes], files: str, most: int) -> Iterator[Any]:
    plain = _STREAM.fullmatch(files)
    if plain is not None:
        prefix = plain[1] or ""
        found = False
        for value in ijson.items(file, f"{prefix}.item" if prefix else "item", use_float=True):
            found = True
            yield value
        if not found:
            _look_for_list(file, prefix, files)
        return
    body = file.read(most + 1)
    if len(body) > most:
        raise NotDataError(
            f"the index has more than {most:,} bytes: write json.files as a plain path such as"
            " files[*], which is read as a stream"
        )
    document = next(iter(ijson.items(body, "", use_float=True)))
    found = jmespath.search(files, document)
    if found is None:
        return
    if not isinstance(found, list):
        raise NotDataError(
            "json.files returns a single value; write an expression that returns a list"
        )
    yield from found


def _look_for_list(file: IO[bytes], prefix: str, files: str) -> None:
    """Raises NotDataError where the list is not empty, but is not there at all."""
    file.seek(0)
    events = ijson.parse(file)
    if not any((path, event) == (prefix, "start_array") for path, event, _ in events):
        raise NotDataError(f"the index has no list {files}")
