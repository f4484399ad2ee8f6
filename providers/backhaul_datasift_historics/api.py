"""API calls: paths, credentials, the hourly budget, and what a refusal means."""

import logging
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from backhaul import AuthError, Http, NotDataError, NotFoundError, Secret, ThrottledError
from backhaul_datasift_historics.budget import Budget
from backhaul_datasift_historics.options import DatasiftSource
from backhaul_datasift_historics.query import Query
from backhaul_datasift_historics.subscription import Subscription

if TYPE_CHECKING:
    from requests import Response

GET_COST = 25
"""Points that a historics/get costs (DataSift's historics/get reference, Resource information)."""

_PUSH_COST = 1
_PAGE = 100
_MORE = 1000  # items that may be created while the list is read
_QUOTE = 200
_LOG = logging.getLogger(__name__)
_Listed = TypeVar("_Listed", Query, Subscription)


class Api:
    """The API of one account, tracking the budget reported by its last response.

    Attributes:
        patience: seconds to wait when DataSift throttles calls, before giving up.
    """

    def __init__(self, http: Http, source: DatasiftSource) -> None:
        self._http = http
        self._root = f"{source.base_url}/{source.api_version}"
        # Raw: neither Basic nor base64 (DataSift, authentication).
        self._headers = {"Authorization": Secret(f"{source.username}:{source.api_key.reveal()}")}
        self.patience = source.patience.total_seconds()
        self._budget: Budget | None = None
        self._asked = 0.0

    def query(self, query_id: str) -> Query:
        """One Historics query, with its chunks. Raises NotFoundError."""
        try:
            return Query.read(self._get("historics/get", GET_COST, id=query_id, with_estimate=1))
        except NotFoundError as error:
            raise NotFoundError(f"DataSift has no Historics query {query_id}") from error

    def queries(self) -> Iterator[Query]:
        """All Historics queries, without their chunks, page by page."""
        # A query created in the meantime shifts the pages, so some items appear again.
        yield from self._paged(
            "historics/get", GET_COST, "data", Query.read, max=_PAGE, with_estimate=1
        )

    def subscription(self, subscription_id: str) -> Subscription:
        """One push subscription. Raises NotFoundError."""
        try:
            answer = self._get("push/get", _PUSH_COST, id=subscription_id, include_finished=1)
        except NotFoundError as error:
            raise NotFoundError(f"DataSift has no push subscription {subscription_id}") from error
        return Subscription.read(answer)

    def subscriptions(self, query_id: str) -> Iterator[Subscription]:
        """The push subscriptions of a query, including finished ones."""
        try:
            yield from self._paged(
                "push/get",
                _PUSH_COST,
                "subscriptions",
                Subscription.read,
                historics_id=query_id,
                include_finished=1,
                per_page=_PAGE,
            )
        except NotFoundError:
            return  # equivalent to an empty list

    def _paged(
        self, path: str, cost: int, key: str, read: Callable[[Any], _Listed], **params: str | int
    ) -> Iterator[_Listed]:
        """The items of a paginated list, each once.

        Raises NotDataError if the pages return far more items than the list declares.
        """
        seen: set[str] = set()
        page, total, first = 1, 1, 0
        while len(seen) < total:
            items, total = _listed(self._get(path, cost, **params, page=page), key)
            first = first or total
            if len(seen) > 2 * first + _MORE:
                raise NotDataError(
                    f"{path} does not end: it declared {first} items but returned {len(seen)}"
                )
            fresh = [each for each in map(read, items) if each.id not in seen]
            seen.update(each.id for each in fresh)
            yield from fresh
            if not fresh:
                break
            page += 1
        if len(seen) < total:
            _LOG.warning("DataSift declares %d items for %s but lists %d", total, path, len(seen))

    def pull(self, subscription_id: str, *, size: int, cursor: str | None) -> "Response":
        """Pull once: returns status 200, 204, or 400 if the cursor is too old.

        Raises:
            ThrottledError: too many pulls. Pulls report no budget, so only the error text tells.
            AuthError: the pull is refused for another reason.
        """
        params: dict[str, str | int] = {"id": subscription_id, "size": size}
        if cursor is not None:
            params["cursor"] = cursor
        try:
            answer = self._http.get(
                f"{self._root}/pull",
                params=params,
                headers=self._headers,
                allow=(400, 403),
                # Without a cursor, DataSift has already moved on when a response is lost.
                retry=cursor is not None,
            )
        except NotFoundError as error:
            raise NotFoundError(
                f"DataSift has no subscription {subscription_id} to pull from"
            ) from error
        if answer.status_code == 403:  # noqa: PLR2004 - HTTP's Forbidden
            raise _refusal(answer, None)
        return answer

    def wait(self, seconds: float) -> None:
        """Sleep, unless the run is stopped in the meantime."""
        if seconds > 0:
            self._http.sleep(seconds)

    def _get(self, path: str, cost: int, **params: str | int) -> Any:
        waited = self._hold_back(cost)
        while True:
            answer = self._http.get(
                f"{self._root}/{path}", params=params, headers=self._headers, allow=(403,)
            )
            self._budget, self._asked = Budget.read(answer.headers), monotonic()
            if answer.status_code != 403:  # noqa: PLR2004 - HTTP's Forbidden
                return self._http.json_of(answer)
            refusal = _refusal(answer, self._budget)
            if not isinstance(refusal, ThrottledError):
                raise refusal
            seconds = refusal.retry_after or 1.0
            waited += self._wait_out(seconds, waited, str(refusal))

    def _hold_back(self, cost: int) -> float:
        """Wait as long as the budget requires; returns the seconds waited."""
        if self._budget is None:
            return 0.0
        seconds = self._budget.wait(cost) - (monotonic() - self._asked)
        if seconds <= 0:
            return 0.0
        return self._wait_out(seconds, 0.0, "DataSift's hourly API budget is nearly used up")

    def _wait_out(self, seconds: float, waited: float, why: str) -> float:
        if waited + seconds > self.patience:
            raise ThrottledError(why, retry_after=seconds)
        _LOG.info("%s: waiting %.1f s", why, seconds)
        self.wait(seconds)
        return seconds


def _refusal(answer: "Response", budget: Budget | None) -> AuthError | ThrottledError:
    """What a 403 means: throttled only if the cost exceeds the budget left, or the text says so."""
    text = _said(answer)
    if budget is not None and budget.refused:
        return ThrottledError(
            f"DataSift's hourly API budget is used up: {text}", retry_after=budget.wait(budget.cost)
        )
    if budget is None and "rate limit" in text.lower():
        return ThrottledError(f"DataSift is throttling requests: {text}")
    return AuthError(f"DataSift denied access (403): {text}")


def _said(answer: "Response") -> str:
    """The error text: ``{"error": "..."}``, or the beginning of the body."""
    try:
        data = answer.json()
    except (ValueError, RecursionError):  # not JSON, or nested too deeply
        data = None
    error_text = data.get("error") if isinstance(data, Mapping) else None
    return str(error_text or answer.text.strip() or "no reason given")[:_QUOTE]


def _listed(answer: Any, key: str) -> tuple[list[Any], int]:
    items = answer.get(key) if isinstance(answer, Mapping) else None
    if not isinstance(items, list):
        raise NotDataError(f"DataSift's response has no {key!r} array")
    count = answer.get("count")
    return items, count if isinstance(count, int) else len(items)
