"""Synthetic messages and activity of a day, deterministic for a seed."""

import gzip
import json
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

_TICKERS = ("ACME", "GLBX", "INIT", "UMBR", "HOOL")
_WORDS = ("calm", "strong", "heavy", "loud", "thin", "überkauft")


def backup(seed: int, file_type: str, day: date, *, records: int, envelope: bool = False) -> bytes:
    """A day's gzip JSON Lines.

    Args:
        seed: of the made-up data.
        file_type: ``message``, or anything else for activity.
        day: the day.
        records: approximate number of lines.
        envelope: whether to wrap each object in the live stream's envelope.
    """
    random = Random(f"{seed}/{file_type}/{day}")  # noqa: S311 - made-up data, not a secret
    count = max(1, records + random.randint(-records // 4, records // 4))
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    moments = sorted(random.randrange(86_400) for _ in range(count))
    make = _message if file_type == "message" else _activity
    first = (day.toordinal() - 730_000) * 100_000
    lines = []
    for index, second in enumerate(moments):
        time = (midnight + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
        record = make(random, first + index, time)
        if envelope:
            kind = record.get("object", "Message")
            record = {"object": kind, "action": "create", "data": record, "time": time}
        lines.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    return gzip.compress("".join(lines).encode(), 6, mtime=0)


def _message(random: Random, number: int, time: str) -> dict[str, Any]:
    ticker = random.choice(_TICKERS)
    mood = random.choice((None, {"basic": "Bullish"}, {"basic": "Bearish"}))
    return {
        "id": number,
        "body": f"${ticker} looking {random.choice(_WORDS)}",
        "created_at": time,
        "user": {
            "id": random.randrange(1, 10_000),
            "username": f"sample_{random.randrange(1000)}",
            "name": "Sample",
            "join_date": "2012-01-01",
            "official": False,
            "followers": random.randrange(500),
        },
        "source": {"id": 1, "title": "StockTwits Web", "url": "https://stocktwits.com"},
        "symbols": [
            {"id": _TICKERS.index(ticker) + 70, "symbol": ticker, "title": f"{ticker} Corp."}
        ],
        "mentioned_users": [],
        "entities": {"sentiment": mood},
    }


def _activity(random: Random, number: int, time: str) -> dict[str, Any]:
    return {
        "object": random.choice(("LikeMessage", "LikeMessage", "Friendship", "Block")),
        "action": random.choice(("create", "create", "create", "destroy")),
        "object_id": number,
        "subject": "User",
        "subject_id": random.randrange(1, 10_000),
        "created_at": time,
    }
