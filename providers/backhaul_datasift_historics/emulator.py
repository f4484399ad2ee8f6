"""DataSift's API on loopback, as far as bringing a Historics query home needs it.

It accepts any version in the path, parameters as query, form or JSON, and has the refusals of the
real one: 401, 403 for the hourly budget, 429 (or 403) for pulls that come too fast, 404 with the
texts that DataSift uses, 400 for a cursor that is more than an hour old.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from email.utils import formatdate
from typing import Any

from werkzeug import Request, Response

from backhaul.testing import Emulator
from backhaul_datasift_historics.emulated_feed import Feed, Interactions
from backhaul_datasift_historics.emulated_limits import Points, Rate
from backhaul_datasift_historics.emulated_query import DAY, MADE, EmulatedQuery, name_id

_PATH = re.compile(r"/v\d+(?:\.\d+)?/([a-z/]+)")
_COSTS = {"historics/get": 25, "historics/prepare": 25, "historics/start": 25, "push/create": 5}
_START = 1433116800
_STATES = (
    *("succeeded", "init", "queued", "submitted", "running", "pausing", "paused"),
    *("delayed", "stopped", "killed", "failed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The emulator's knobs; see Feed and EmulatedQuery for those of the main query.

    Attributes:
        interactions: of the main query.
        days: of the main query; a chunk each.
        form: output_params.format of the main query.
        ends: status that the main query ends with; other than succeeded it delivers half.
        lost: interactions lost in the middle of the queue.
        listed: further queries, which were never subscribed to.
        budget, period: points, and seconds until they are there again.
        pulls_per_second: more are refused, with the status ``too_fast``: 429 or 403.
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
    pulls_per_second: float = 20.0
    too_fast: int = 429


class DatasiftHistoricsEmulator(Emulator):
    """DataSift with one query that runs while it is drained, a finished one, and many that are listed.

    Attributes:
        queries: by id.
        main: the query that the settings shape.
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

    def source(self) -> dict[str, Any]:
        """A source that reaches this emulator."""
        return {
            "provider": self.provider,
            "username": self.username,
            "api_key": self.key,
            "base_url": self.url,
            # The slack keeps a busy machine's clock from counting one pull too many.
            "pulls_per_second": self.settings.pulls_per_second * 0.9,
        }

    def jobs(self) -> dict[str, dict[str, Any]]:
        """A query that still runs, and one that has ended."""
        return {
            "harbor-fog": {"id": self.main.id, "poll": "0.1s"},
            "tide-tables": {"name": "tide-tables", "poll": "0.1s"},
        }

    def is_file(self, path: str, query: str) -> bool:
        """Only pulls give data; the first, which names no cursor, is not repeatable by nature."""
        return path.endswith("/pull") and "cursor=" in query

    def api(self, request: Request) -> Response:
        """One call."""
        self._settle()
        if request.headers.get("Authorization") != f"{self.username}:{self.key}":
            return _error(401, "Authorization failed")
        path = _PATH.fullmatch(request.path)
        answer = self._calls().get(path[1]) if path else None
        if path is None or answer is None:
            return _error(404, "Endpoint not found")
        given = _parameters(request)
        if path[1] == "pull":
            return self._pull(given)
        cost = _COSTS.get(path[1], 1)
        granted = self.points.spend(cost)
        response = answer(given) if granted else _error(403, "Rate limit exceeded")
        response.headers.extend(self.points.headers(cost))
        return response

    def _calls(self) -> dict[str, Callable[[dict[str, str]], Response]]:
        return {
            "pull": self._pull,
            "historics/get": self._historics_get,
            "historics/prepare": self._prepare,
            "historics/start": self._start,
            "push/get": self._push_get,
            "push/create": self._create,
            "push/log": self._push_log,
        }

    def _settle(self) -> None:
        """The last pull moves the queue on, unless a fault refused it in its stead."""
        if self._pending is not None:
            feed, end = self._pending
            if not self.requests or self.requests[-1].status == 200:  # noqa: PLR2004 - HTTP's OK
                feed.gave(end)
            self._pending = None

    def _historics_get(self, given: dict[str, str]) -> Response:
        estimate = given.get("with_estimate", "1") == "1"
        if "id" in given:
            query = self.queries.get(given["id"])
            if query is None:
                return _error(404, f"No historic found with the ID {given['id']} ")
            return _answer(query.describe(whole=True, estimate=estimate))
        page = _page(list(self.queries.values()), given, "max")
        data = [query.describe(whole=False, estimate=estimate) for query in page]
        return _answer({"data": data, "count": len(self.queries)})

    def _push_get(self, given: dict[str, str]) -> Response:
        found = [made for query in self.queries.values() if (made := query.subscription())]
        found += self.more_subscriptions
        if "id" in given:
            one = next((each for each in found if each["id"] == given["id"]), None)
            return _answer(one) if one else _error(404, "No subscription found with this ID")
        wanted = given.get("historics_id") or given.get("hash")
        found = [
            each
            for each in found
            if wanted in {None, each["hash"]}
            and (each["status"] != "finished" or given.get("include_finished") == "1")
        ]
        page = _page(found, given, "per_page")
        return _answer({"subscriptions": page, "count": len(found)})

    def _push_log(self, given: dict[str, str]) -> Response:
        entry = {
            "request_time": MADE,
            "success": True,
            "subscription_id": given.get("id", self.main.subscription_id),
            "message": "",
        }
        return _answer({"success": True, "count": 1, "log_entries": [entry]})

    def _pull(self, given: dict[str, str]) -> Response:
        subscription = given.get("id", "")
        query = next((q for q in self.queries.values() if q.subscription_id == subscription), None)
        if query is None or query.feed is None:
            return _error(404, "No subscription found with this ID")
        if not self.rate.allows(subscription):
            return _error(self.settings.too_fast, "Rate limit exceeded: two pulls a second")
        feed = query.feed
        size = given.get("size", "20971520")
        start = feed.index(given["cursor"]) if given.get("cursor") else feed.position
        if start is None or not size.isdigit() or not 1 <= int(size) <= 20 << 20:
            return _error(400, "Invalid parameter")
        if feed.expired(start):
            return _error(400, "The data requested is no longer available")
        lines, end = feed.pull(int(size), start)
        headers = {
            "X-DataSift-Cursor-Current": feed.cursor(start),
            "X-DataSift-Format": query.form,
        }
        if not lines:
            return Response(status=204, headers=headers, content_type="application/json")
        self._pending = feed, end
        headers["X-DataSift-Cursor-Next"] = feed.cursor(end)
        headers["X-DataSift-Bytes-Remaining"] = str((feed.available - end) * 300)
        kind = "application/ldjson" if query.form == "json_new_line" else "application/json"
        return Response(_body(query, lines), headers=headers, content_type=kind)

    def _prepare(self, given: dict[str, str]) -> Response:
        name = given.get("name", "")
        start, end = int(given.get("start", _START)), int(given.get("end", _START + DAY))
        made = EmulatedQuery(
            id=name_id(f"{self.seed}/prepared/{len(self.queries)}", 20),
            name=name,
            start=start,
            days=max(1, (end - start) // DAY),
        )
        self.queries[made.id] = made
        span = {"start": start, "end": end, "sources": {}}
        return _answer({"id": made.id, "dpus": None, "availability": span}, 202)

    def _create(self, given: dict[str, str]) -> Response:
        query = self.queries.get(given.get("historics_id", ""))
        if query is None or given.get("output_type") != "pull":
            return _error(400, "Only pull subscriptions of Historics queries are emulated")
        query.form = given.get("output_params.format", "json_meta")
        query.feed = self._feed(query.id, 100, query.start, query.days, waiting=1)
        query.fixed = "init"
        return _answer(query.subscription())

    def _start(self, given: dict[str, str]) -> Response:
        query = self.queries.get(given.get("id", ""))
        if query is None:
            return _error(404, f"No historic found with the ID {given.get('id')} ")
        query.fixed = None
        return Response(status=204)

    def _main(self) -> EmulatedQuery:
        settings = self.settings
        query = EmulatedQuery(
            id=name_id(f"{self.seed}/main", 20),
            name="harbor-fog",
            start=_START,
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
        feed = self._feed(ended, 60, _START, 2)
        yield EmulatedQuery(
            id=ended, name="tide-tables", start=_START, days=2, feed=feed, form="json_meta"
        )
        for number in range(self.settings.listed):
            yield EmulatedQuery(
                id=name_id(f"{self.seed}/listed/{number}", 20),
                name=f"listed-{number}",
                start=_START - number * DAY,
                days=1,
                fixed=_STATES[number % len(_STATES)],
            )

    def _feed(self, query: str, total: int, start: int, days: int, **how: Any) -> Feed:
        made = Interactions(
            seed=self.seed, query=query, start=start, seconds=days * DAY, total=total
        )
        return Feed(interactions=made, deliverable=total, window=self.settings.window, **how)


def _parameters(request: Request) -> dict[str, str]:
    """Parameters as query, form with dotted keys, or JSON with nested objects."""
    given = dict(request.values.items())
    data = request.get_json(silent=True) if request.is_json else None
    for key, value in data.items() if isinstance(data, dict) else ():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        given |= {f"{key}.{name}".rstrip("."): str(each) for name, each in inner}
    return given


def _page(items: list[Any], given: dict[str, str], size: str) -> list[Any]:
    count, number = int(given.get(size, 20)), int(given.get("page", 1))
    return items[(number - 1) * count : number * count]


def _body(query: EmulatedQuery, lines: list[bytes]) -> bytes:
    if query.form == "json_new_line":
        return b"\n".join(lines) + b"\n"
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


def _answer(data: Any, status: int = 200) -> Response:
    return Response(json.dumps(data), status, content_type="application/json")


def _error(status: int, text: str) -> Response:
    return _answer({"error": text}, status)
