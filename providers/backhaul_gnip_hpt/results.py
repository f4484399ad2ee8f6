"""A job's list of links: results.json, or results.csv with the same links and less metadata.

A list may have a million links, so it is streamed from a file and never held in memory.
"""

import io
import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO

import ijson

from backhaul import NotDataError
from backhaul_gnip_hpt.links import place_of
from backhaul_gnip_hpt.numbers import instant, whole

_SUSPECT = ("suspectminutesurl", "suspectminuteurl", "suspectminutes")
_CSV_FIELDS = 2
_MARKS = 1 << 26  # bits, a few for each link of the longest lists
_LIST = "urllist"


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the list.

    Attributes:
        url: the signed link, byte for byte.
        name: the file's name, if the list has one (results.csv).
    """

    url: str = field(repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The contents of a list of links.

    Attributes:
        links: returns the links in order, duplicates included; can be called again as long as the
            list's file is open.
        listed: the number of links.
        twice: how many of them point to the same file as an earlier one.
        count: the number of links that the list declares; None if it declares none.
        bytes: the total size of the compressed files; None if the list does not declare it.
        expires: when the files are deleted.
        suspect_url: link to the list of suspect minutes, if there are any.
    """

    links: Callable[[], Iterator[Link]]
    listed: int
    twice: int
    count: int | None = None
    bytes: int | None = None
    expires: datetime | None = None
    suspect_url: str | None = field(default=None, repr=False)

    @property
    def doubt(self) -> str:
        """Why the list may be incomplete; empty if it is consistent."""
        if self.count is None or self.count == self.listed:
            return ""
        return f"the list declares {self.count} links (urlCount) but has {self.listed}"

    def oddities(self) -> tuple[str, ...]:
        """The list's inconsistencies, one line each."""
        found = [self.doubt] if self.doubt else []
        if self.twice:
            found.append(f"the list has {self.twice} duplicate links")
        if self.suspect_url:
            found.append(
                "the provider marks some minutes of this job as suspect: see its suspectMinutes.json"
            )
        return tuple(found)


def read_json(
    file: BinaryIO, look: Callable[[Mapping[str, Any]], None] = lambda _: None
) -> Results:
    """Read results.json, with the documented keys or the early ones such as ``url_list``.

    Args:
        file: the list, open for reading.
        look: called with the document's scalar fields before its arrays and objects are checked.

    Raises:
        NotDataError: a required field is missing or has the wrong type; the message names it.
    """
    document = _Document(file)
    listed, twice = _counted(lambda: map(Link, document.urls()))
    fields = document.fields
    look(fields)
    fields = {str(key).replace("_", "").casefold(): value for key, value in fields.items()}
    count = whole(fields.get("urlcount"))
    if document.wrong:
        raise NotDataError(f"results.json: {document.wrong}")
    urls = fields.get(_LIST)
    if not isinstance(urls, list) and not (urls is None and count == 0):
        raise NotDataError(f"results.json: urlList must be an array of links, not {_kind(urls)}")
    suspect = next((value for key in _SUSPECT if (value := fields.get(key))), None)
    if suspect is not None and not isinstance(suspect, str):
        raise NotDataError(f"results.json: suspectMinutesUrl must be a link, not {_kind(suspect)}")
    return Results(
        links=lambda: map(Link, document.urls()),
        listed=listed,
        twice=twice,
        count=count,
        bytes=whole(fields.get("totalfilesizebytes")),
        expires=instant(fields.get("expiresat")),
        suspect_url=suspect,
    )


class _Document:
    """results.json, read as a stream.

    Attributes:
        fields: its fields by name, complete once it is read to the end; arrays and objects appear
            only as placeholders.
        wrong: what is wrong with the first entry of the list that is not a link.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.fields: dict[str, Any] = {}
        self.wrong = ""

    def urls(self) -> Iterator[str]:
        """The links. Raises NotDataError if the document is not a JSON object."""
        self._file.seek(0)
        try:
            yield from self._urls(ijson.basic_parse(self._file))
        except (ijson.JSONError, UnicodeDecodeError):  # their messages quote the list
            raise NotDataError("results.json: the response is not valid JSON") from None

    def _urls(self, events: Iterable[tuple[str, Any]]) -> Iterator[str]:
        depth, position = 0, 0
        key = ""
        listing = False  # between the brackets of the list of links
        for event, value in events:
            if event in _ENDS:
                depth -= 1
                listing = listing and depth > 1
                continue
            if event == "map_key":
                key = value if depth == 1 else key
                continue
            plain = _BEGINS.get(event, value)
            if depth == 0 and event != "start_map":
                raise NotDataError(f"results.json must be an object, not {_kind(plain)}")
            if listing and depth == _IN_LIST:
                if isinstance(plain, str) and plain.strip():
                    yield plain
                elif not self.wrong:
                    self.wrong = f"urlList[{position}] must be a link, not {_kind(plain)}"
                position += 1
            elif depth == 1:
                self.fields[key] = float(plain) if isinstance(plain, Decimal) else plain
                listing = event == "start_array" and _plain_key(key) == _LIST
            depth += event in _BEGINS


_BEGINS: Mapping[str, Any] = {"start_map": {"": None}, "start_array": [None]}
_ENDS = frozenset({"end_map", "end_array"})
_IN_LIST = 2  # levels


def _plain_key(key: str) -> str:
    return key.replace("_", "").casefold()


def _counted(links: Callable[[], Iterator[Link]]) -> tuple[int, int]:
    """The number of links, and how many of them point to the same file as an earlier one."""
    listed = 0
    doubtful = Repeated()
    for listed, link in enumerate(links(), start=1):  # noqa: B007 - counted
        doubtful.add(place_of(link.url))
    if not doubtful:
        return listed, 0
    seen: set[tuple[str, str]] = set()
    twice = 0
    for link in links():
        place = place_of(link.url)
        if place in doubtful:
            twice += place in seen
            seen.add(place)
    return listed, twice


class Repeated:
    """Which of very many values may occur more than once, in constant memory.

    One bit per hash rules out most values; the few that remain may be repeated.
    """

    def __init__(self) -> None:
        self._marks = mmap.mmap(-1, _MARKS >> 3)  # zero pages take no memory until written
        self._found: set[int] = set()

    def add(self, value: object) -> None:
        """Add a value."""
        mark = hash(value) % _MARKS
        place, bit = mark >> 3, 1 << (mark & 7)
        if self._marks[place] & bit:
            self._found.add(mark)
        else:
            self._marks[place] |= bit

    def __contains__(self, value: object) -> bool:
        return hash(value) % _MARKS in self._found

    def __bool__(self) -> bool:
        return bool(self._found)


def read_csv(file: BinaryIO) -> Results:
    """Read results.csv: one ``'name'`` TAB ``'link'`` per line, no header, as in the HPT article.

    Accepts LF and CRLF, blank lines, unquoted fields and a missing final newline.

    Raises:
        NotDataError: a line has another form; the message gives its number.
    """

    def links() -> Iterator[Link]:
        file.seek(0)
        text = io.TextIOWrapper(file, "utf-8-sig", newline=None)
        try:
            for number, line in enumerate(text, 1):
                if line.strip():
                    yield _row(number, line)
        except UnicodeDecodeError:
            raise NotDataError("results.csv is not UTF-8 text") from None
        finally:
            text.detach()

    listed, twice = _counted(links)
    return Results(links=links, listed=listed, twice=twice)


def _row(number: int, line: str) -> Link:
    fields = [_unquoted(part.strip()) for part in line.split("\t")]
    if len(fields) != _CSV_FIELDS or "://" not in fields[1]:
        raise NotDataError(f"results.csv: line {number} is not of the form 'name' TAB 'link'")
    name, url = fields
    return Link(url, name)


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _kind(value: Any) -> str:
    """The JSON type of a value; never the value itself, which may contain a signature."""
    if value is None:
        return "null or missing"
    if isinstance(value, str):
        return "a string" if value.strip() else "an empty string"
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), type(value).__name__)
