"""The list of a job's links: results.json, and results.csv with the same links and less about them.

A list may have a million links, so it is read from a file as a stream, and never held.
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
        name: the file's name where the list has one (results.csv).
    """

    url: str = field(repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What the list says.

    Attributes:
        links: gives the links in the list's order, duplicates included; may be called again as long
            as the list's file is open.
        listed: how many there are.
        twice: how many of them lead where an earlier one does.
        count: the list's own number of links; None where it does not say.
        bytes: sum of the sizes of the compressed files; None where it does not say.
        expires: when the files are deleted.
        suspect_url: link of the list of minutes that the provider doubts; only when there are any.
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
        """Why the list may not be whole; empty: it agrees with itself."""
        if self.count is None or self.count == self.listed:
            return ""
        return f"the list says {self.count} links (urlCount) and holds {self.listed}"

    def oddities(self) -> tuple[str, ...]:
        """What does not add up in the list, one line each."""
        found = [self.doubt] if self.doubt else []
        if self.twice:
            found.append(f"the list names {self.twice} of its files more than once")
        if self.suspect_url:
            found.append(
                "the provider doubts some minutes of this job: see its suspectMinutes.json"
            )
        return tuple(found)


def read_json(
    file: BinaryIO, look: Callable[[Mapping[str, Any]], None] = lambda _: None
) -> Results:
    """Read results.json, in the documented spelling or the early ``url_list`` one.

    Args:
        file: of the list.
        look: is given the document without its lists and objects, before these are looked at.

    Raises:
        NotDataError: a field that is needed is missing or of the wrong type; the message names it.
    """
    document = _Document(file)
    listed, twice = _counted(lambda: map(Link, document.urls()))
    said = document.said
    look(said)
    fields = {str(key).replace("_", "").casefold(): value for key, value in said.items()}
    count = whole(fields.get("urlcount"))
    if document.wrong:
        raise NotDataError(f"results.json: {document.wrong}")
    urls = fields.get(_LIST)
    if not isinstance(urls, list) and not (urls is None and count == 0):
        raise NotDataError(f"results.json: urlList should be a list of links, it is {_kind(urls)}")
    suspect = next((value for key in _SUSPECT if (value := fields.get(key))), None)
    if suspect is not None and not isinstance(suspect, str):
        raise NotDataError(
            f"results.json: suspectMinutesUrl should be a link, it is {_kind(suspect)}"
        )
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
    """results.json as it is read.

    Attributes:
        said: its fields by name, once it was read to its end; of lists and objects only the kind.
        wrong: what is wrong with the first entry of its list that is not a link.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.said: dict[str, Any] = {}
        self.wrong = ""

    def urls(self) -> Iterator[str]:
        """The links. Raises NotDataError when it is not JSON, or not an object."""
        self._file.seek(0)
        try:
            yield from self._urls(ijson.basic_parse(self._file))
        except (ijson.JSONError, UnicodeDecodeError):  # their texts quote the list
            raise NotDataError("results.json: the answer is not valid JSON") from None

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
                raise NotDataError(f"results.json should be an object, it is {_kind(plain)}")
            if listing and depth == _IN_LIST:
                if isinstance(plain, str) and plain.strip():
                    yield plain
                elif not self.wrong:
                    self.wrong = f"urlList[{position}] should be a link, it is {_kind(plain)}"
                position += 1
            elif depth == 1:
                self.said[key] = float(plain) if isinstance(plain, Decimal) else plain
                listing = event == "start_array" and _plain_key(key) == _LIST
            depth += event in _BEGINS


_BEGINS: Mapping[str, Any] = {"start_map": {"": None}, "start_array": [None]}  # that there is one
_ENDS = frozenset({"end_map", "end_array"})
_IN_LIST = 2  # levels


def _plain_key(key: str) -> str:
    return key.replace("_", "").casefold()


def _counted(links: Callable[[], Iterator[Link]]) -> tuple[int, int]:
    """How many links there are, and how many of them lead where an earlier one does."""
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
    """Which of very many values may occur more than once, in flat memory.

    A bit a value tells those that surely do not from the others, of which there are few.
    """

    def __init__(self) -> None:
        self._marks = mmap.mmap(-1, _MARKS >> 3)  # zeros that take no memory before they are set
        self._found: set[int] = set()

    def add(self, value: object) -> None:
        """Takes a value."""
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
    """Read results.csv: no header, ``'name'`` TAB ``'link'`` a line, as the HPT article shows it.

    LF or CRLF, blank lines and a missing last line end are all fine; so are unquoted fields.

    Raises:
        NotDataError: a line is something else; the message has its number.
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
        raise NotDataError(f"results.csv: line {number} should be 'name' TAB 'link'")
    name, url = fields
    return Link(url, name)


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _kind(value: Any) -> str:
    """What a JSON value is, in the words of JSON; never the value, which may hold a signature."""
    if value is None:
        return "null or missing"
    if isinstance(value, str):
        return "a text" if value.strip() else "an empty text"
    names = {
        bool: "a truth value",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), type(value).__name__)
