"""The list of a job's links: results.json, and results.csv with the same links and less about them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backhaul import NotDataError
from backhaul_gnip_hpt.links import place_of
from backhaul_gnip_hpt.numbers import instant, whole

_SUSPECT = ("suspectminutesurl", "suspectminuteurl", "suspectminutes")
_CSV_FIELDS = 2


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
        links: in the list's order, duplicates included.
        count: the list's own number of links; None where it does not say.
        bytes: sum of the sizes of the compressed files; None where it does not say.
        expires: when the files are deleted.
        suspect_url: link of the list of minutes that the provider doubts; only when there are any.
    """

    links: tuple[Link, ...]
    count: int | None = None
    bytes: int | None = None
    expires: datetime | None = None
    suspect_url: str | None = field(default=None, repr=False)

    @property
    def doubt(self) -> str:
        """Why the list may not be whole; empty: it agrees with itself."""
        if self.count is None or self.count == len(self.links):
            return ""
        return f"the list says {self.count} links (urlCount) and holds {len(self.links)}"

    def oddities(self) -> tuple[str, ...]:
        """What does not add up in the list, one line each."""
        found = [self.doubt] if self.doubt else []
        twice = len(self.links) - len({place_of(link.url) for link in self.links})
        if twice:
            found.append(f"the list names {twice} of its files more than once")
        if self.suspect_url:
            found.append(
                "the provider doubts some minutes of this job: see its suspectMinutes.json"
            )
        return tuple(found)


def read_json(document: Any) -> Results:
    """Read results.json, in the documented spelling or the early ``url_list`` one.

    Raises:
        NotDataError: a field that is needed is missing or of the wrong type; the message names it.
    """
    if not isinstance(document, Mapping):
        raise NotDataError(f"results.json should be an object, it is {_kind(document)}")
    fields = {str(key).replace("_", "").casefold(): value for key, value in document.items()}
    count = whole(fields.get("urlcount"))
    urls = fields.get("urllist")
    if urls is None and count == 0:
        urls = []
    if not isinstance(urls, list):
        raise NotDataError(f"results.json: urlList should be a list of links, it is {_kind(urls)}")
    for position, url in enumerate(urls):
        if not isinstance(url, str) or not url.strip():
            raise NotDataError(
                f"results.json: urlList[{position}] should be a link, it is {_kind(url)}"
            )
    suspect = next((value for key in _SUSPECT if (value := fields.get(key))), None)
    if suspect is not None and not isinstance(suspect, str):
        raise NotDataError(
            f"results.json: suspectMinutesUrl should be a link, it is {_kind(suspect)}"
        )
    return Results(
        links=tuple(Link(url) for url in urls),
        count=count,
        bytes=whole(fields.get("totalfilesizebytes")),
        expires=instant(fields.get("expiresat")),
        suspect_url=suspect,
    )


def read_csv(body: bytes) -> Results:
    """Read results.csv: no header, ``'name'`` TAB ``'link'`` a line, as the HPT article shows it.

    LF or CRLF, blank lines and a missing last line end are all fine; so are unquoted fields.

    Raises:
        NotDataError: a line is something else; the message has its number.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotDataError("results.csv is not UTF-8 text") from None
    return Results(
        links=tuple(
            _row(number, line)
            for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1)
            if line.strip()
        )
    )


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
