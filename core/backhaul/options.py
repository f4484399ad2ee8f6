"""Bases and field types for the options of sources and jobs.

Strict: values are never coerced silently, and unknown keys are rejected. A string that YAML read
as a number or boolean (``no``, ``201201010000``) is an error that says "quote it".
"""

import json
import re
from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv6Address
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from backhaul.secret import Secret
from backhaul.wording import iso


class _Options(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, populate_by_name=True
    )


class SourceOptions(_Options):
    """Base class for a provider's source keys (an account).

    Two names have a meaning to backhaul, as keys or as properties: ``base_url``, the service's location, and
    ``pace`` (a ``Pace``), which overrides the provider's.
    """


class JobOptions(_Options):
    """Base class for a provider's job keys.

    In a validator with an argument ``info: ValidationInfo``, ``info.context["source"]`` is the options of the
    job's source; ``info.context`` may be None.
    """


class _Identity:
    """Marks a field as part of the archive's identity."""


_IDENTITY: Final = _Identity()
T = TypeVar("T")
Identity = Annotated[T, _IDENTITY]
"""Type of a key that identifies the archive: ``account: Identity[str]``.

A run refuses a job whose folder has the files of another archive. Mark accounts, ids of jobs or
streams, and index URLs; do not mark periods, filters, secrets or the service's location. For keys
that only the provider knows (the id behind a title), set ``JobStatus.identity``.
"""


def identity(options: BaseModel) -> dict[str, str]:
    """The keys that identify the archive, as spelled in YAML, with their values.

    Omits keys without a value. Raises ValueError if one of them is a Secret.
    """
    found = {}
    for name, field in type(options).model_fields.items():
        value = getattr(options, name, None)
        if _IDENTITY not in field.metadata or value is None:
            continue
        if isinstance(value, Secret):
            raise ValueError(f"{name} is a secret, and part of the identity")  # noqa: TRY004 - of the model
        alias = field.validation_alias
        key = alias if isinstance(alias, str) else field.alias or name
        found[key] = identity_text(value)
    return found


def identity_text(value: Any) -> str:
    """A key's value for comparison: a string without surrounding space or trailing slashes."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return text.strip().rstrip("/")


_UNITS = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_bytes(value: Any) -> int:
    """``20M`` as bytes, curl's spelling (powers of 1024). Raises ValueError."""
    if isinstance(value, bool):
        raise ValueError("should be a size such as 500K, 20M or 1G")  # noqa: TRY004 - pydantic reads ValueError
    if isinstance(value, int) and value >= 0:
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([BKMGT]?)(?:i?B)?\s*", str(value), re.IGNORECASE)
    if match is None:
        raise ValueError("should be a size such as 500K, 20M or 1G")
    try:
        return int(float(match[1]) * _UNITS[match[2].upper()])
    except OverflowError:
        raise ValueError("is too large") from None


def parse_duration(value: Any) -> timedelta:
    """``30m``, ``12h``, ``1d12h`` as a timedelta. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    if value == 0 and not isinstance(value, bool):
        return timedelta(0)
    text = value.strip() if isinstance(value, str) else ""
    if not re.fullmatch(r"(?:\d+(?:\.\d+)?[smhdw])+", text):
        raise ValueError("should be a duration such as 0s, 30m, 12h or 1d")
    try:
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhdw])", text)
        return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError("is too long") from None


def parse_time(value: Any) -> datetime:
    """A date or time as an aware UTC datetime; without an offset it is UTC. Raises ValueError."""
    if isinstance(value, datetime):
        try:
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        except OverflowError:
            raise ValueError("is out of range: years 1 to 9999 are supported") from None
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, str):
        try:
            return parse_time(datetime.fromisoformat(value.strip()))
        except (ValueError, OverflowError):
            pass
    raise ValueError("should be a date or time in UTC such as 2016-12-01 or 2016-12-01T06:30:00Z")


def _check_base_url(value: Any) -> str:
    example = (
        "should be an HTTP(S) URL such as https://api.example.com or http://127.0.0.1:8080/prefix"
    )
    if not isinstance(value, str):
        raise ValueError(example)  # noqa: TRY004 - pydantic reads ValueError
    try:
        parts = urlsplit(value.strip())
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(example) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_fine:
        raise ValueError(example)
    if not _is_host(parts.hostname, in_brackets="[" in parts.netloc):
        raise ValueError(f"has an invalid host name: {parts.hostname!r}; {example}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(
            "must not contain credentials, ? or #; set credentials with their own keys"
        )
    return value.strip().rstrip("/")


def _is_host(host: str, *, in_brackets: bool) -> bool:
    """Whether a host name or address is valid (RFC 1123, section 2.1, and underscores)."""
    if in_brackets:
        try:
            IPv6Address(host.partition("%")[0])
        except ValueError:
            return False
        return True
    try:
        name = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return False
    labels = name.removesuffix(".").split(".")
    return len(name) <= _LONGEST_HOST and all(_LABEL.fullmatch(label) for label in labels)


_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
_LONGEST_HOST = 254
UtcTime = Annotated[
    datetime,
    BeforeValidator(parse_time),
    PlainSerializer(iso, return_type=str),
    WithJsonSchema(
        {"type": "string", "description": "a date or time, UTC", "examples": ["2016-12-01"]}
    ),
]
"""Type of a key that is a date or a time; a timezone-aware ``datetime`` in UTC."""

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(
        lambda value: f"{value.total_seconds():f}".rstrip("0").rstrip(".") + "s", return_type=str
    ),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": r"^(\d+(\.\d+)?[smhdw])+$"}, {"const": 0}],
            "examples": ["30m", "12h"],
        }
    ),
]
"""Type of a key that is a duration such as ``30m`` or ``1d12h``; a ``timedelta``."""

ByteSize = Annotated[
    int,
    BeforeValidator(parse_bytes),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[BbKkMmGgTt]?(i?[Bb])?\s*$"},
            ],
            "examples": ["20M"],
        }
    ),
]
"""Type of a key that is a size such as ``20M`` (powers of 1024); an ``int`` in bytes."""

BaseUrl = Annotated[
    str,
    BeforeValidator(_check_base_url),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https?://"}),
]
"""Type of a key that is an HTTP(S) URL without credentials, query or fragment; no trailing slash."""
