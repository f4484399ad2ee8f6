"""Orders for new jobs: validates the JSON that a client POSTs, and makes the rules report."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backhaul_gnip_hpt.links import SLOT

_NEEDED = ("publisher", "dataFormat", "fromDate", "toDate", "title", "rules")
_MOST_RULES = 1000
_STREAM_TYPES = {"track", "track_v2"}


class RefusedOrderError(ValueError):
    """An order is invalid; the message is for its sender."""


def read_order(body: bytes) -> Mapping[str, Any]:
    """The order in a request's body, whatever its Content-Type: clients send different ones.

    Raises:
        RefusedOrderError: it is not JSON, a field is missing, or a value is invalid.
    """
    try:
        order = json.loads(body)
    except ValueError:
        raise RefusedOrderError("The request body is not valid JSON.") from None
    if not isinstance(order, dict):
        raise RefusedOrderError("The request body is not a JSON object.")
    missing = [key for key in _NEEDED if not order.get(key)]
    if missing:
        raise RefusedOrderError(f"Missing: {', '.join(missing)}.")
    if order.get("streamType", "track") not in _STREAM_TYPES:
        raise RefusedOrderError("streamType must be track or track_v2.")
    rules = order["rules"]
    if not isinstance(rules, list) or len(rules) > _MOST_RULES or not all(map(_is_rule, rules)):
        raise RefusedOrderError(f"rules must be a list of 1 to {_MOST_RULES} rules with a value.")
    period(order)
    return order


def period(order: Mapping[str, Any]) -> tuple[datetime, int]:
    """First slot and number of slots from ``fromDate`` to ``toDate``.

    Raises:
        RefusedOrderError: a date is invalid, or the period is empty.
    """
    try:
        start, end = (
            datetime.strptime(str(order[key]), "%Y%m%d%H%M").replace(tzinfo=UTC)
            for key in ("fromDate", "toDate")
        )
    except ValueError:
        raise RefusedOrderError("fromDate and toDate must be written YYYYMMDDHHMM.") from None
    if end <= start:
        raise RefusedOrderError("toDate must be later than fromDate.")
    start = start.replace(minute=start.minute // 10 * 10)
    return start, -((start - end) // SLOT)


def rules_report(order: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the response that version 2 adds: the result of each rule."""
    detail = [
        {"rule": {**rule, "id": 900_100_200_300_400_500 + number}, "created": True}
        for number, rule in enumerate(order["rules"])
    ]
    return {
        "summary": {"created": len(detail), "not_created": 0},
        "detail": detail,
        "sent": "2014-05-19T22:12:27.345Z",
    }


def _is_rule(rule: Any) -> bool:
    return isinstance(rule, dict) and isinstance(rule.get("value"), str) and bool(rule["value"])
