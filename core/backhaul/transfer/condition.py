"""Conditional requests for a present file: fetch it only if it has changed (RFC 9110, section 13)."""

from collections.abc import Mapping, Sequence

from backhaul.backoff import parse_date
from backhaul.transfer.unit import Transfer

NOT_MODIFIED = 304


_SAME_SECOND = 60  # seconds after a change in which another one may have the same timestamp


def strong(validator: str, fetched: int) -> str | None:
    """The validator if it identifies one content.

    A weak ETag does not, nor does the time of a recent change (RFC 9110, section 8.8.2.2).

    Args:
        validator: as received.
        fetched: when it was received, in Unix seconds.
    """
    if validator.startswith('"'):
        return validator
    changed = None if validator.startswith("W/") else parse_date(validator)
    return validator if changed is not None and changed + _SAME_SECOND <= fetched else None


def condition(transfer: Transfer) -> Sequence[str]:
    """The headers that request the file only if it differs from the existing one."""
    validator = transfer.validator
    if validator is None:
        return ()
    if validator.startswith('"'):
        return (f"If-None-Match: {validator}",)
    return (f"If-Modified-Since: {validator}",)


def is_unchanged(transfer: Transfer, headers: Mapping[str, str]) -> bool:
    """Whether a 304 to our condition has our ETag, or none."""
    etag = headers.get("etag")
    validator = transfer.validator or ""
    return etag is None or not validator.startswith('"') or etag.removeprefix("W/") == validator
