"""Synthetic entities of a stream, and the ways to select them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backhaul_massrelevance_meta.synthetic import Stream

NUMBER = 120
"""Approved entities of each stream."""
_FIRST_ID = 250_000_000_000_000_000
_EVERY = 600  # seconds between two entities
_DEFAULT_LIMIT, _LARGEST_LIMIT = 50, 200
_START = ("start", "start_id")  # the old and the new name


def entities(stream: Stream, args: Mapping[str, str]) -> list[dict[str, Any]]:
    """Entities, newest first, selected by ``limit`` and one of ``since_id``, ``from_id``, ``start``.

    ``since_id`` selects the newest ones after the entity, ``from_id`` the oldest ones after it, and
    ``start`` those before it. If there are several parameters, the first in this order counts. For an
    unknown entity, only the newest one is returned.

    Raises:
        ValueError: the limit is not a number from 1 to 200.
    """
    limit = int(args.get("limit", _DEFAULT_LIMIT))
    if not 1 <= limit <= _LARGEST_LIMIT:
        raise ValueError("limit")
    name = next((name for name in ("since_id", "from_id", *_START) if name in args), None)
    if name is None:
        chosen = range(max(0, NUMBER - limit), NUMBER)
    elif (place := _place(args[name])) is None:
        chosen = range(NUMBER - 1, NUMBER)
    elif name == "since_id":
        chosen = range(max(place + 1, NUMBER - limit), NUMBER)
    elif name == "from_id":
        chosen = range(place + 1, min(place + 1 + limit, NUMBER))
    else:
        chosen = range(max(0, place - limit), place)
    return [_entity(stream, index) for index in reversed(chosen)]


def _place(ident: str) -> int | None:
    if not (ident.isascii() and ident.isdigit()):
        return None
    place = int(ident) - _FIRST_ID
    return place if 0 <= place < NUMBER else None


def _entity(stream: Stream, index: int) -> dict[str, Any]:
    ident = _FIRST_ID + index
    moment = stream.began + index * _EVERY
    return {
        "id": ident,
        **dict.fromkeys(("id_str", "entity_id", "order_id", "score"), str(ident)),
        **dict.fromkeys(("chained_stream_id", "adhoc_for_stream_id", "requeued")),
        "network": "twitter",
        "queued_at": moment * 1000 + 123,
        "created_at": datetime.fromtimestamp(moment, UTC).strftime("%a %b %d %H:%M:%S +0000 %Y"),
        "text": f"{stream.description} {index}",
        "user": {"id_str": str(42 + index % 7), "screen_name": f"sample_{index % 7}"},
    }
