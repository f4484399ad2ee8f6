"""Checks of a value's fields; each raises FieldError on the line that creates the value."""

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
HTTP = ("http://", "https://")


class FieldError(ValueError):
    """A value created by a plugin has an invalid field."""


def wrong(value: Any, name: str, wanted: str, found: str = "") -> NoReturn:
    """Raise FieldError, naming the value and the field, what is required and what was found."""
    identity = getattr(value, "name", None) or getattr(value, "id", None)
    which = f" of {identity!r}" if type(identity) is str and name not in {"name", "id"} else ""
    hidden = any(field.name == name and not field.repr for field in fields(value))
    found = found or _shown(getattr(value, name), hidden=hidden)
    raise FieldError(f"{type(value).__name__}.{name}{which} must be {wanted}, not {found}")


def a(value: Any, name: str, kind: type, *, optional: bool = False) -> None:
    """Require a value of exactly that type, or a member of that enumeration."""
    found = getattr(value, name)
    if type(found) is not kind and not (optional and found is None):
        wrong(value, name, f"a {kind.__name__}")


def text(value: Any, name: str) -> None:
    """Require a non-empty string."""
    found = getattr(value, name)
    if type(found) is not str or not found:
        wrong(value, name, "a non-empty str")


def count(value: Any, name: str, *, least: int = 0, optional: bool = False) -> None:
    """Require an integer that the ledger can store."""
    found = getattr(value, name)
    if found is None and optional:
        return
    if type(found) is not int or not least <= found <= LARGEST:
        wrong(value, name, f"an int from {least} to 2**63-1")


def number(value: Any, name: str, wanted: str = "a number") -> None:
    """Require a finite number, or None."""
    found = getattr(value, name)
    if found is not None and not (type(found) in {int, float} and math.isfinite(found)):
        wrong(value, name, wanted)


def mapping(value: Any, name: str) -> None:
    """Require a mapping."""
    if not isinstance(getattr(value, name), Mapping):
        wrong(value, name, "a mapping")


def all_of(value: Any, name: str, kind: type) -> None:
    """Require a tuple of values of that type."""
    found = getattr(value, name)
    if type(found) is not tuple or any(type(each) is not kind for each in found):
        wrong(value, name, f"a tuple of {kind.__name__}")


def http(value: Any, name: str) -> None:
    """Require an HTTP or HTTPS URL."""
    found = getattr(value, name)
    if type(found) is not str:
        wrong(value, name, "an http or https URL")
    if not found.lower().startswith(HTTP):  # not shown: it may be a secret
        wrong(value, name, "an http or https URL", "one without http:// or https:// at its start")


def moment(value: Any, name: str) -> None:
    """Require a time with a time zone, or None."""
    found = getattr(value, name)
    if found is not None and not (isinstance(found, datetime) and found.utcoffset() is not None):
        wrong(value, name, "a datetime with a time zone (tzinfo=UTC)")


def period(value: Any) -> None:
    """Require ``start`` and ``end`` to be times in this order; either may be None."""
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
        text = repr(found)
        return f"{text if len(text) <= _LONGEST else text[:_LONGEST] + '…'} ({kind})"
    if type(found) is tuple:
        return f"a tuple of {', '.join(sorted({type(each).__name__ for each in found}))}"
    return f"a {kind}"
