"""DataSift's API on loopback: filters, Historics queries, pull subscriptions and pulls.

It accepts any version in the path, and parameters as query, form or JSON. It returns the real API's
errors: 401, 403 for the hourly budget, 429 (or 403) for pulls that are too fast, 404 with
DataSift's texts, 400 for a cursor that is more than an hour old.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from email.utils import formatdate
from typing import Any

from werkzeug import Request, Response

from backhaul.testing import Emulator
from backhaul_datasift_historics.emulated_core import core_calls
from backhaul_datasift_historics.emulated_feed import Feed, Interactions
from backhaul_datasift_historics.emulated_historics import FIRST_DAY, Historics
from backhaul_datasift_historics.emulated_limits import Points, Rate
from backhaul_datasift_historics.emulated_push import Push
from backhaul_datasift_historics.emulated_query import DAY, MADE, EmulatedQuery, name_id
from backhaul_datasift_historics.emulated_responses import (
    Calls,
    Given,
    WrongParameterError,
    error,
    parameters,
    whole,
)

_PATH = re.compile(r"/v\d+(?:\.\d+)?/([a-z/]+)")
_COSTS = {
    **dict.fromkeys(("historics/get", "historics/prepare", "historics/start"), 25),
    **dict.fromkeys(("historics/delete",), 25),
    **dict.fromkeys(("historics/pause", "historics/resume", "historics/stop"), 5),
    **dict.fromkeys(("historics/update", "historics/status", "compile", "validate"), 5),
    **dict.fromkeys(("push/validate", "push/create", "push/update"), 5),
}
_DEFAULT_SIZE, _LARGEST_SIZE = 20_971_520, 52_428_800  # bytes; clients request the larger one
_STATES = (
    *("succeeded", "init", "queued", "submitted", "running", "pausing", "paused"),
    *("delayed", "stopped", "killed", "failed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The emulator's settings; see Feed and EmulatedQuery for those of the main query.

    Attributes:
        interactions: of the main query.
        days: of the main query; one chunk per day.
        form: output_params.format of the main query.
        ends: final status of the main query; unless it is succeeded, only half is delivered.
        lost: interactions lost in the middle of the queue.
        listed: further queries, without a subscription.
        budget, period: points, and seconds until they are refilled.
        last_newline: a pull in ``json_new_line`` ends with a newline; DataSift's does not.
        pulls_per_second: maximum; more are refused with the status ``too_fast``, 429 or 403.
    """

    interactions: int = 2000
    days: int = 5
    form: str = "json_new_line"
    step: int | None = 400
    quiet_every: int = 3
    waiting: int = 1
    ends: str = "succeeded"
    early: bool = False
    stuck: bool = False
    miscount: int = 0
    lost: int = 0
    window: float = 3600.0
    listed: int = 45
    budget: int = 10_000
    period: float = 3600.0
    last_newline: bool = False
    pulls_per_second: float = 20.0
    too_fast: int = 429


class DatasiftHistoricsEmulator(Emulator):
    """DataSift with one query that runs while it is drained, a finished one, and many listed ones.

    Attributes:
        queries: by id.
        main: the query that the settings describe.
        more_subscriptions: further subscriptions, as push/get describes them.
    """

    provider = "datasift-historics"
    files_at = "api"
    username = "harbor"
    key = "0f0e0d0c0b0a09080706050403020100"

    def __init__(self, **scale: Any) -> None:
        super().__init__(**scale)
        known = {each.name for each in fields(Settings)}
        self.settings = Settings(**{k: v for k, v in self.scale.items() if k in known})
        self.points = Points(self.settings.budget, self.settings.period)
        self.rate = Rate(self.settings.pulls_per_second)
        self.more_subscriptions: list[dict[str, Any]] = []
        self._pending: tuple[Feed, int] | None = None
        self.main = self._main()
        self.queries = {self.main.id: self.main}
        for query in self._others():
            self.queries[query.id] = query
        self._prepared = 0
        self._push = Push(self.queries, self.more_subscriptions, self._subscribed_feed)
        self._calls: Calls = {
            "pull": self._pull,
            **core_calls(),
            **Historics(self.queries, self._next_id).calls(),
            **self._push.calls(),
        }

    def source(self) -> dict[str, Any]:
        """A source that reaches this emulator."""
        return {
            "provider": self.provider,
            "username": self.username,
            "api_key": self.key,
            "base_url": self.url,
            # The tolerance keeps a busy machine from seeing one pull too many.
            "pulls_per_second": self.settings.pulls_per_second * 0.9,
        }

    def jobs(self) -> dict[str, dict[str, Any]]:
        """A running query, and one that has ended."""
        return {
            "harbor-fog": {"id": self.main.id, "poll": "0.1s"},
            "tide-tables": {"name": "tide-tables", "poll": "0.1s"},
        }

    def is_file(self, path: str, query: str) -> bool:
        """Only pulls return data; the first, which has no cursor, cannot be repeated."""
        return path.endswith("/pull") and "cursor=" in query

    def api(self, request: Request) -> Response:
        """One call by GET, POST, PUT or DELETE: clients use different verbs."""
        self._settle()
        given = request.headers.get("Authorization", request.headers.get("Auth"))
        if given != f"{self.username}:{self.key}":
            return error(401, "Authorization failed")
        path = _PATH.fullmatch(request.path)
        call = self._calls.get(path[1]) if path else None
        if path is None or call is None:
            return error(404, "Endpoint not found")
        if path[1] == "pull":
            return _called(call, request)
        cost = _COSTS.get(path[1], 1)
        granted = self.points.spend(cost)
        response = _called(call, request) if granted else error(403, "Rate limit exceeded")
        response.headers.extend(self.points.headers(cost))
        return response

    def _settle(self) -> None:
        """Advance the queue after the last pull, unless a fault refused it."""
        if self._pending is not None:
            feed, end = self._pending
            if not self.requests or self.requests[-1].status == 200:  # noqa: PLR2004 - HTTP's OK
                feed.note_sent(end)
            self._pending = None

    def _pull(self, given: Given) -> Response:
        subscription = given.get("id", "")
        query = self._push.subscribed(subscription)
        if query is None or query.feed is None:
            return error(404, "No subscription found with this ID")
        if not self.rate.allows(subscription):
            return error(self.settings.too_fast, "Rate limit exceeded: two pulls a second")
        feed = query.feed
        size = whole(given, "size", _DEFAULT_SIZE)
        start = feed.index(given["cursor"]) if given.get("cursor") else feed.position
        if start is None or not 1 <= size <= _LARGEST_SIZE:
            return error(400, "Invalid parameter")
        if feed.expired(start):
            return error(400, "The data requested is no longer available")
        lines: list[bytes] = []
        end = start
        if query.subscription_state != "paused":
            lines, end = feed.pull(size, start, held=query.fixed in {"init", "paused"})
        headers = {"X-DataSift-Cursor-Current": feed.cursor(start), "X-DataSift-Format": query.form}
        if not lines:
            return Response(status=204, headers=headers, content_type="application/json")
        self._pending = feed, end
        headers["X-DataSift-Cursor-Next"] = feed.cursor(end)
        headers["X-DataSift-Bytes-Remaining"] = str((feed.available - end) * 300)
        kind = "application/ldjson" if query.form == "json_new_line" else "application/json"
        body = _body(query, lines, last_newline=self.settings.last_newline)
        return Response(body, headers=headers, content_type=kind)

    def _next_id(self) -> str:
        self._prepared += 1
        return name_id(f"{self.seed}/prepared/{self._prepared}", 20)

    def _subscribed_feed(self, query: EmulatedQuery) -> Feed:
        return self._feed(query.id, 100, query.start, query.days, waiting=1)

    def _main(self) -> EmulatedQuery:
        settings = self.settings
        query = EmulatedQuery(
            id=name_id(f"{self.seed}/main", 20),
            name="harbor-fog",
            start=FIRST_DAY,
            days=settings.days,
            ends=settings.ends,
            miscount=settings.miscount,
            early=settings.early,
            stuck=settings.stuck,
            form=settings.form,
            lost_data=settings.lost > 0,
        )
        query.feed = self._feed(
            query.id,
            settings.interactions,
            query.start,
            query.days,
            step=settings.step,
            quiet_every=settings.quiet_every,
            waiting=settings.waiting,
        )
        middle = settings.interactions // 2
        query.feed.lost = range(middle, middle + settings.lost)
        if settings.ends != "succeeded":
            query.feed.deliverable = query.feed.available = middle
        return query

    def _others(self) -> Iterator[EmulatedQuery]:
        ended = name_id(f"{self.seed}/ended", 20)
        feed = self._feed(ended, 60, FIRST_DAY, 2)
        yield EmulatedQuery(
            id=ended, name="tide-tables", start=FIRST_DAY, days=2, feed=feed, form="json_meta"
        )
        for number in range(self.settings.listed):
            yield EmulatedQuery(
                id=name_id(f"{self.seed}/listed/{number}", 20),
                name=f"listed-{number}",
                start=FIRST_DAY - number * DAY,
                days=1,
                fixed=_STATES[number % len(_STATES)],
            )

    def _feed(self, query: str, total: int, start: int, days: int, **how: Any) -> Feed:
        made = Interactions(
            seed=self.seed, query=query, start=start, seconds=days * DAY, total=total
        )
        return Feed(interactions=made, deliverable=total, window=self.settings.window, **how)


def _called(call: Callable[[Given], Response], request: Request) -> Response:
    if request.method not in {"GET", "HEAD", "POST", "PUT", "DELETE"}:
        return error(405, "Method not allowed")
    try:
        return call(parameters(request))
    except WrongParameterError as refusal:
        return error(400, str(refusal))


def _body(query: EmulatedQuery, lines: list[bytes], *, last_newline: bool) -> bytes:
    if query.form == "json_new_line":
        return b"\n".join(lines) + (b"\n" if last_newline else b"")
    array = b"[" + b",".join(lines) + b"]"
    if query.form == "json_array":
        return array
    head = {
        "count": len(lines),
        "hash": query.id,
        "hash_type": "historic",
        "id": query.subscription_id,
        "delivered_at": formatdate(MADE),
    }
    return json.dumps(head).encode()[:-1] + b', "interactions": ' + array + b"}"
