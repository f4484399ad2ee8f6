"""A file that is here already, asked for again: only if it has changed (RFC 9110, section 13)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from backhaul.backoff import parse_date
from backhaul.transfer.unit import Transfer

NOT_MODIFIED = 304


_SAME_SECOND = 60  # seconds after a change in which another one may have the same time


def strong(validator: str, fetched: int) -> str | None:
    """The validator if it can stand for one content alone.

    No weak ETag can, nor the time of a change that had just happened (RFC 9110, section 8.8.2.2).

    Args:
        validator: as received.
        fetched: when, unix seconds.
    """
    if validator.startswith('"'):
        return validator
    changed = None if validator.startswith("W/") else parse_date(validator)
    return validator if changed is not None and changed + _SAME_SECOND <= fetched else None


def condition(transfer: Transfer) -> Sequence[str]:
    """The headers that ask for the file only if it is another than the one that is here."""
    validator = transfer.validator
    if validator is None:
        return ()
    if validator.startswith('"'):
        return (f"If-None-Match: {validator}",)
    return (f"If-Modified-Since: {validator}",)


def is_unchanged(transfer: Transfer, status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer says that the file has not changed: a 304 to our condition, of our ETag."""
    if status != NOT_MODIFIED or not condition(transfer):
        return False
    etag = headers.get("etag")
    validator = transfer.validator or ""
    return etag is None or not validator.startswith('"') or etag.removeprefix("W/") == validator


def without_condition(transfer: Transfer) -> Transfer:
    """The same transfer, whatever is here."""
    return replace(transfer, validator=None)
