"""Calls under push/: subscriptions to queries, and their log."""

from collections.abc import Callable, Mapping
from typing import Any

from werkzeug import Response

from backhaul_datasift_historics.emulated_feed import Feed
from backhaul_datasift_historics.emulated_query import MADE, EmulatedQuery
from backhaul_datasift_historics.emulated_responses import Calls, Given, answer, done, error, page

_STATES = {"pause": "paused", "resume": "active", "stop": "finishing"}


class Push:
    """Handlers that operate on queries by id, each with at most one subscription.

    Args:
        queries: the account's queries.
        more: further subscriptions, as push/get describes them.
        make_feed: creates the queue of a new subscription.
    """

    def __init__(
        self,
        queries: Mapping[str, EmulatedQuery],
        more: list[dict[str, Any]],
        make_feed: Callable[[EmulatedQuery], Feed],
    ) -> None:
        self._queries = queries
        self._more = more
        self._make_feed = make_feed

    def calls(self) -> Calls:
        """Handlers by path."""
        return {
            "push/validate": self._validate,
            "push/create": self._create,
            "push/update": self._update,
            "push/get": self._get,
            "push/log": self._log,
            "push/delete": self._delete,
            **{f"push/{word}": self._to(state) for word, state in _STATES.items()},
        }

    def subscribed(self, subscription: str) -> EmulatedQuery | None:
        """The query of a subscription."""
        found = (one for one in self._queries.values() if one.subscription_id == subscription)
        query = next(found, None)
        return None if query is None or query.subscription() is None else query

    def _validate(self, given: Given) -> Response:
        if not given.get("output_type"):
            return error(400, "The output_type parameter is required")
        return answer({"success": True, "message": "Validated successfully"})

    def _create(self, given: Given) -> Response:
        query = self._queries.get(given.get("historics_id", ""))
        if query is None or given.get("output_type") != "pull":
            return error(400, "Only pull subscriptions of Historics queries are emulated")
        query.form = given.get("output_params.format", "json_meta")
        query.subscribe(self._make_feed(query), given.get("name", ""))
        return answer(query.subscription())

    def _update(self, given: Given) -> Response:
        query = self.subscribed(given.get("id", ""))
        if query is None:
            return _unknown()
        query.subscription_name = given.get("name", query.subscription_name)
        query.form = given.get("output_params.format", query.form)
        return answer(query.subscription())

    def _to(self, state: str) -> Callable[[Given], Response]:
        def call(given: Given) -> Response:
            query = self.subscribed(given.get("id", ""))
            if query is None:
                return _unknown()
            query.subscription_state = state
            return answer(query.subscription())

        return call

    def _delete(self, given: Given) -> Response:
        query = self.subscribed(given.get("id", ""))
        if query is None:
            return _unknown()
        query.subscription_state = "deleted"
        return done()

    def _get(self, given: Given) -> Response:
        found = [made for query in self._queries.values() if (made := query.subscription())]
        found += self._more
        if "id" in given:
            one = next((each for each in found if each["id"] == given["id"]), None)
            return answer(one) if one else _unknown()
        wanted = given.get("historics_id") or given.get("hash")
        found = [
            each
            for each in found
            if wanted in {None, each["hash"]}
            and (each["status"] != "finished" or given.get("include_finished") == "1")
        ]
        some = page(found, given, "per_page")
        return answer({"subscriptions": some, "count": len(found)})

    def _log(self, given: Given) -> Response:
        entries = [
            {
                "request_time": MADE,
                "success": True,
                "subscription_id": query.subscription_id,
                "message": f"The status of the subscription changed to: {made['status']}",
            }
            for query in self._queries.values()
            if (made := query.subscription())
            and given.get("id", query.subscription_id) == query.subscription_id
        ]
        if "id" in given and not entries:
            return _unknown()
        some = page(entries, given, "per_page")
        return answer({"success": True, "count": len(entries), "log_entries": some})


def _unknown() -> Response:
    return error(404, "No subscription found with this ID")
