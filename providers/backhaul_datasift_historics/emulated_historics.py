"""Calls under historics/: the life of a query, from preparation to deletion."""

from collections.abc import Callable, MutableMapping

from werkzeug import Response

from backhaul_datasift_historics.emulated_query import DAY, EmulatedQuery
from backhaul_datasift_historics.emulated_responses import (
    Calls,
    Given,
    answer,
    done,
    error,
    page,
    whole,
)

FIRST_DAY = 1433116800
"""Start of the made-up queries that name none: 1 June 2015, 00:00 UTC."""


class Historics:
    """Handlers that operate on queries by id.

    Args:
        queries: the account's queries; prepared ones are added, deleted ones removed.
        make_id: creates the next query's id.
    """

    def __init__(
        self, queries: MutableMapping[str, EmulatedQuery], make_id: Callable[[], str]
    ) -> None:
        self._queries = queries
        self._make_id = make_id

    def calls(self) -> Calls:
        """Handlers by path."""
        return {
            "historics/get": self._get,
            "historics/status": self._status,
            "historics/prepare": self._prepare,
            "historics/start": self._changed(EmulatedQuery.begin, "started"),
            "historics/pause": self._changed(EmulatedQuery.pause, "paused"),
            "historics/resume": self._changed(EmulatedQuery.resume, "resumed"),
            "historics/stop": self._changed(EmulatedQuery.stop, "stopped"),
            "historics/update": self._update,
            "historics/delete": self._delete,
        }

    def _get(self, given: Given) -> Response:
        estimate = given.get("with_estimate", "1") == "1"
        if "id" in given:
            query = self._queries.get(given["id"])
            if query is None:
                return _unknown(given)
            return answer(query.describe(whole=True, estimate=estimate))
        some = page(list(self._queries.values()), given, "max")
        data = [query.describe(whole=False, estimate=estimate) for query in some]
        return answer({"data": data, "count": len(self._queries)})

    def _status(self, given: Given) -> Response:
        start, end = whole(given, "start"), whole(given, "end")
        covered = {"status": 100, "versions": [3], "augmentations": {"language": 100}}
        sources = {name: covered for name in given.get("sources", "tumblr").split(",") if name}
        # In the documented sample, one is a string and one a number.
        return answer([{"start": str(start), "end": end, "sources": sources}])

    def _prepare(self, given: Given) -> Response:
        start = whole(given, "start", FIRST_DAY)
        end = whole(given, "end", start + DAY)
        if end <= start:
            return error(400, "The end parameter must be later than the start")
        made = EmulatedQuery(
            id=self._make_id(),
            name=given.get("name", ""),
            start=start,
            days=max(1, (end - start) // DAY),
            definition=given.get("hash", ""),
        )
        self._queries[made.id] = made
        span = {"start": start, "end": end, "sources": {}}
        return answer({"id": made.id, "dpus": None, "availability": span}, 202)

    def _changed(
        self, change: Callable[[EmulatedQuery], bool], word: str
    ) -> Callable[[Given], Response]:
        def call(given: Given) -> Response:
            query = self._queries.get(given.get("id", ""))
            if query is None:
                return _unknown(given)
            if not change(query):
                return error(403, f"A query that is {query.status} cannot be {word}")
            return done()

        return call

    def _update(self, given: Given) -> Response:
        query = self._queries.get(given.get("id", ""))
        if query is None:
            return _unknown(given)
        if not given.get("name"):
            return error(400, "The name parameter is required")
        query.name = given["name"]
        return done()

    def _delete(self, given: Given) -> Response:
        if self._queries.pop(given.get("id", ""), None) is None:
            return error(404, f"No historics found with the ID {given.get('id')} ")
        return done()


def _unknown(given: Given) -> Response:
    return error(404, f"No historic found with the ID {given.get('id')} ")
