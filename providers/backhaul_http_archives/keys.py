"""Types of YAML keys common to the providers of this package."""

import re
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from backhaul import BaseUrl, Pace
from backhaul_http_archives.contents import parse_content
from backhaul_http_archives.periods import Every
from backhaul_http_archives.template import TIMES, Template

_BASE_URL: Final[TypeAdapter[str]] = TypeAdapter(BaseUrl)
_PACE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|h)")
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
RESERVED: Final = frozenset({*TIMES, "basename", "name", "path", "url"})
"""Words that are reserved for templates, and cannot be names of values."""


def parse_url(value: Any) -> Template:
    """An address with fields. Raises ValueError, which says what to write."""
    if isinstance(value, Template):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a URL such as https://data.example.org/{start:%Y-%m-%d}.gz")  # noqa: TRY004 - pydantic reads ValueError
    text = value.strip()
    template = Template.parse(text)
    origin_url(template)
    reserved = sorted(set(template.texts) & RESERVED)
    if reserved:
        raise ValueError(
            f"has {{{reserved[0]}}}, which a url cannot have; write times such as {{start:%Y-%m-%d}}"
            " and the names of the job's values"
        )
    literal = "".join(part for part in template.parts if isinstance(part, str))
    wrong = next((char for char in literal if not "!" <= char <= "~"), None)
    if wrong is not None:
        escaped = "".join(f"%{byte:02X}" for byte in wrong.encode())
        raise ValueError(f"contains {wrong!r}, which is not allowed in a URL; write {escaped}")
    if "#" in literal:
        raise ValueError("contains #, and fragments are never sent; write %23 for a literal #")
    return template


def origin_url(template: Template) -> str:
    """Scheme, host and port of a URL, which are the same for every slot.

    Raises:
        ValueError: the host contains a field, or it is not an HTTP(S) URL.
    """
    found = re.match(r"(?i)(https?://)([^/?#]*)", template.head)
    if found is None:
        raise ValueError("must be an http(s) URL such as https://data.example.org/{start:%Y}.gz")
    rest = template.head[found.end() :]
    if not rest and len(template.parts) > 1:
        raise ValueError(
            "has a field in the host; write the host literally and use fields in the path"
        )
    if "@" in found[2]:
        raise ValueError("contains credentials; write them under auth")
    try:
        _BASE_URL.validate_python(found[0])
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    return found[0]


def parse_name(value: Any) -> Template:
    """A name with fields. Raises ValueError, which says what to write."""
    return _name(value, {"url", "name", "path"})


def parse_listed_name(value: Any) -> Template:
    """The same, for files whose names come from an index. Raises ValueError."""
    return _name(value, {"url"})


def _name(value: Any, taken: set[str]) -> Template:
    if isinstance(value, Template):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a name such as {start:%Y/%m}/{basename}")
    template = Template.parse(value.strip())
    wrong = sorted(set(template.texts) & taken)
    if wrong:
        raise ValueError(f"has {{{wrong[0]}}}, which a name cannot have; write {{basename}}")
    return template


def parse_pace(value: Any) -> Pace:
    """``2/s`` as a pace. Raises ValueError, which says what to write."""
    if isinstance(value, Pace):
        return value
    found = _PACE.fullmatch(value.strip()) if isinstance(value, str) else None
    rate = float(found[1]) / _SECONDS[found[2]] if found is not None else 0.0
    if rate <= 0:
        raise ValueError(
            "must be a number of requests per second, minute or hour, such as 2/s or 30/m"
        )
    return Pace(rate)


def parse_contact(value: Any) -> str:
    """The contact for the user agent. Raises ValueError, which says what to write."""
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > 200 or not text.isascii() or not text.isprintable():  # noqa: PLR2004 - a line
        raise ValueError(
            "must be an address where the archive can reach you, such as ops@example.org"
        )
    if set(text) & set("()\\"):
        raise ValueError(
            "must not contain parentheses or backslashes: it is sent as a header comment"
        )
    return text


def check_missing(value: list[int]) -> list[int]:
    """Statuses that mean "does not exist". Raises ValueError for those that are always retried."""
    transient = sorted({408, 425, 429} & set(value))
    if transient:
        raise ValueError(f"has {transient[0]}, a transient error that is always retried; remove it")
    return value


def path_of(template: Template) -> str:
    """The URL without its origin: what distinguishes archives of the same service."""
    return template.text[len(origin_url(template)) :] or "/"


def basename(url: str) -> str:
    """The last part of a URL's path."""
    path = urlsplit(url).path if "?" in url or "#" in url else url
    return path.rpartition("/")[2]


def _pace_text(pace: Pace) -> str:
    return f"{pace.per_second:g}/s"


def _text(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


UrlTemplate = Annotated[
    InstanceOf[Template],
    BeforeValidator(parse_url),
    PlainSerializer(str, return_type=str),
    _text("^[hH][tT][tT][pP][sS]?://", "https://data.example.org/{start:%Y-%m-%d}.json.gz"),
]
NameTemplate = Annotated[
    InstanceOf[Template],
    BeforeValidator(parse_name),
    PlainSerializer(str, return_type=str),
    _text("", "{start:%Y/%m}/{basename}"),
]
ListedName = Annotated[
    InstanceOf[Template],
    BeforeValidator(parse_listed_name),
    PlainSerializer(str, return_type=str),
    _text("", "{start:%Y/%m}/{basename}"),
]
SlotLength = Annotated[
    InstanceOf[Every],
    BeforeValidator(Every.parse),
    PlainSerializer(str, return_type=str),
    _text(r"^\d{1,6}(m|h|d|w|mo|y)$", "1h"),
]
Rate = Annotated[
    InstanceOf[Pace],
    BeforeValidator(parse_pace),
    PlainSerializer(_pace_text, return_type=str),
    _text(r"^\s*\d+(\.\d+)?\s*/\s*[smh]\s*$", "2/s"),
]
ContentWord = Annotated[str, BeforeValidator(parse_content)]
Contact = Annotated[str, BeforeValidator(parse_contact)]
MissingStatuses = Annotated[
    list[Annotated[int, Field(ge=400, le=499)]], Field(min_length=1), AfterValidator(check_missing)
]
ValueLists = dict[
    str, Annotated[list[Annotated[str, StringConstraints(min_length=1)]], Field(min_length=1)]
]
