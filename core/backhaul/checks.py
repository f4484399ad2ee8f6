"""What the fields of a value may hold; each check raises FieldError on the line that makes the value."""

import math
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import Any, NoReturn

HEX_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128, "crc32c": 8}
"""Supported checksum kinds and their number of hex digits."""

LARGEST = (1 << 63) - 1  # what the ledger can hold
_LONGEST = 80  # characters of a wrong value that are shown
_HTTP = ("http://", "https://")


class FieldError(ValueError):
    """A field of a value that a plugin made holds what it must not."""


def wrong(value: Any, name: str, wanted: str) -> NoReturn:
    """Raise FieldError: names the value and the field, what is wanted and what is there."""
    identity = getattr(value, "name", None) or getattr(value, "id", None)
    which = f" of {identity!r}" if type(identity) is str and name not in {"name", "id"} else ""
    hidden = any(field.name == name and not field.repr for field in fields(value))
    found = _shown(getattr(value, name), hidden=hidden)
    raise FieldError(f"{type(value).__name__}.{name}{which} must be {wanted}, not {found}")


def a(value: Any, name: str, kind: type, *, optional: bool = False) -> None:
    """The field holds a value of exactly that type, or a member of that enumeration."""
    found = getattr(value, name)
    if type(found) is not kind and not (optional and found is None):
        wrong(value, name, f"a {kind.__name__}")


def text(value: Any, name: str) -> None:
    """The field holds a string that is not empty."""
    found = getattr(value, name)
    if type(found) is not str or not found:
        wrong(value, name, "a str that is not empty")


def count(value: Any, name: str, *, least: int = 0, optional: bool = False) -> None:
    """The field holds a whole number that the ledger can keep."""
    found = getattr(value, name)
    if found is None and optional:
        return
    if type(found) is not int or not least <= found <= LARGEST:
        wrong(value, name, f"an int from {least} to 2**63-1")


def number(value: Any, name: str, wanted: str = "a number") -> None:
    """The field holds a finite number, or None."""
    found = getattr(value, name)
    if found is not None and not (type(found) in {int, float} and math.isfinite(found)):
        wrong(value, name, wanted)


def mapping(value: Any, name: str) -> None:
    """The field holds a mapping."""
    if not isinstance(getattr(value, name), Mapping):
        wrong(value, name, "a mapping")


def all_of(value: Any, name: str, kind: type) -> None:
    """The field holds a tuple of values of that type."""
    found = getattr(value, name)
    if type(found) is not tuple or any(type(each) is not kind for each in found):
        wrong(value, name, f"a tuple of {kind.__name__}")


def http(value: Any, name: str) -> None:
    """The field holds the URL of an HTTP server."""
    found = getattr(value, name)
    if type(found) is not str or not found.lower().startswith(_HTTP):
        wrong(value, name, "an http or https URL")


def moment(value: Any, name: str) -> None:
    """The field holds a time with its zone, or None."""
    found = getattr(value, name)
    if found is not None and not (isinstance(found, datetime) and found.utcoffset() is not None):
        wrong(value, name, "a datetime with a time zone (tzinfo=UTC)")


def period(value: Any) -> None:
    """``start`` and ``end`` hold times, the earlier one first; either may be None."""
    moment(value, "start")
    moment(value, "end")
    if None not in {value.start, value.end} and value.end < value.start:
        wrong(value, "end", f"at or after its start, {value.start.isoformat()}")


def _shown(found: object, *, hidden: bool) -> str:
    if isinstance(found, datetime):
        return found.isoformat()
    if found is None:
        return "None"
    kind = type(found).__name__
    if not hidden and isinstance(found, str | int | float | Enum):
        said = repr(found)
        return f"{said if len(said) <= _LONGEST else said[:_LONGEST] + '…'} ({kind})"
    if type(found) is tuple:
        return f"a tuple of {', '.join(sorted({type(each).__name__ for each in found}))}"
    return f"a {kind}"
