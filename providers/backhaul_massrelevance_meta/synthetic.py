"""Synthetic streams: counts per minute, which are the same in every snapshot."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import Any
from xml.sax.saxutils import escape

_PERIOD = 9973  # minutes after which the counts repeat; a prime number, so that all days differ
_SHARES = {"rejected": 5, "pending": 3, "approved": 2}
_COUNTED_TO = int(datetime(2014, 1, 1, tzinfo=UTC).timestamp())


class Stream:
    """A stream; counts before its start are zero, or omitted if it is ``short``."""

    def __init__(
        self,
        name: str,
        description: str,
        created_at: str,
        seed: int,
        *,
        short: bool = False,
        advanced: bool = False,
    ) -> None:
        self.name = name
        self.description = description
        self.created_at = created_at
        self.short = short
        self.advanced = advanced
        self.began = int(datetime.fromisoformat(created_at).timestamp())
        self._seed = seed

    @cached_property
    def _sums(self) -> dict[str, list[int]]:
        random = Random(f"{self._seed}/{self.name}")  # noqa: S311 - made-up data, not a secret
        return {
            kind: [0, *accumulate(random.randrange(share + 1) for _ in range(_PERIOD))]
            for kind, share in _SHARES.items()
        }

    def between(self, kind: str, start: int, end: int) -> int:
        """The number of entities in [start, end), in epoch seconds and whole minutes."""
        begin, stop = max(start, self.began) // 60, max(end, self.began) // 60
        return self._until(kind, stop) - self._until(kind, begin)

    def activity(self, finish: int, number: int, step: int) -> dict[str, list[int]]:
        """``number`` items of ``step`` seconds, the last one ending at ``finish``."""
        starts = range(finish - number * step, finish, step)
        if self.short:
            starts = range(next((s for s in starts if s + step > self.began), finish), finish, step)
        rows = {kind: [self.between(kind, s, s + step) for s in starts] for kind in _SHARES}
        return {"total": [sum(column) for column in zip(*rows.values(), strict=True)], **rows}

    def count(self) -> dict[str, int]:
        """The number of all entities, regardless of ``finish``."""
        counts = {kind: self.between(kind, self.began, _COUNTED_TO) for kind in _SHARES}
        return {"total": sum(counts.values()), **counts}

    def listed(self, account: str) -> dict[str, Any]:
        """Its entry in the account's list."""
        return {
            "name": self.name,
            "full_name": f"{account}/{self.name}",
            "description": self.description,
            "created_at": self.created_at,
            "count": self.count(),
            "tags": [],
        }

    def _until(self, kind: str, minute: int) -> int:
        sums = self._sums[kind]
        rounds, rest = divmod(minute, _PERIOD)
        return rounds * sums[_PERIOD] + sums[rest]


def advanced(stream: Stream, args: Mapping[str, str], finish: datetime) -> dict[str, Any]:
    """The sections that an administrator can enable for a stream."""
    periods = _asked(args, "top_periods", finish)
    moments = _asked(args, "top_moments", finish)
    tweets = range(int(args.get("top_count", "5")))
    return {
        "top": {
            period: [{"id_str": f"{period}{index}", "text": "sample"} for index in tweets]
            for period in periods
        },
        "top_periods": periods,
        "hashtags": [
            {"hashtag": f"sample{index}", "count": 100 - index}
            for index in range(int(args.get("num_hashtags", "10")))
        ],
        "links": [
            {"link": f"http://example.org/{index}", "count": 50 - index}
            for index in range(int(args.get("num_links", "10")))
        ],
        "contributors": [
            {"name": f"@sample_{index}", "count": 40 - index}
            for index in range(int(args.get("num_contributors", "10")))
        ],
        "buckets": {"top": [], "count": []},
        "moments": {period: [] for period in moments},
        "moments_periods": moments,
    }


def as_xml(document: Mapping[str, Any]) -> str:
    """The document as XML; the API's real element names are unknown."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<meta>{_inside(document)}</meta>\n'


def _asked(args: Mapping[str, str], name: str, finish: datetime) -> list[str]:
    relative = args.get(f"{name}_relative")
    if relative is None:
        return args.get(name, "a").split(",")
    hour = int(finish.timestamp()) // 3600
    return [
        datetime.fromtimestamp((hour - int(ago)) * 3600, UTC).strftime("%Y%m%d%H")
        for ago in relative.split(",")
    ]


def _inside(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(_element(str(key), inner) for key, inner in value.items())
    if isinstance(value, list):
        return "".join(_element("item", inner) for inner in value)
    return escape(str(value))


def _element(name: str, value: Any) -> str:
    if not name[:1].isalpha():
        return f'<period name="{escape(name)}">{_inside(value)}</period>'
    return f"<{name}>{_inside(value)}</{name}>"
