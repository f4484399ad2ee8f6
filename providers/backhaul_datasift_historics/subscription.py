"""A query's push subscriptions, as returned by ``push/get``, and which one to pull from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backhaul import NotDataError, NotFoundError, ProviderError
from backhaul_datasift_historics.query import moment

OVER = frozenset({"finished", "failed", "stopped", "deleted"})
"""Statuses after which the queue receives nothing more; it can still be pulled."""

_PAUSED = frozenset({"paused", "finishing_paused"})
_LIVE = ("active", "retrying", "finishing", "waiting_for_start", *sorted(_PAUSED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A push subscription.

    Attributes:
        query: the id of the Historics query (or hash of the stream) that it delivers.
        lost_data: some interactions were not pulled within an hour and were discarded.
        last_request: time of the last pull; None if there was none.
        waiting: bytes in the queue; None if DataSift does not report it.
    """

    id: str
    kind: str
    query: str
    status: str
    created: int
    lost_data: bool
    last_request: datetime | None
    waiting: int | None

    @property
    def over(self) -> bool:
        """Whether the queue will receive nothing more."""
        return self.status in OVER

    @property
    def paused(self) -> bool:
        """Whether it must be resumed before it delivers anything."""
        return self.status in _PAUSED

    @classmethod
    def read(cls, data: Any) -> "Subscription":
        """Read an element of the response. Raises NotDataError if it is not a subscription."""
        if not isinstance(data, Mapping) or not isinstance(data.get("id"), str):
            raise NotDataError("push/get returned something other than a subscription")
        created, waiting = data.get("created_at"), data.get("remaining_bytes")
        return cls(
            id=data["id"],
            kind=str(data.get("output_type") or "").lower(),
            query=str(data.get("hash") or ""),
            status=str(data.get("status") or "").lower(),
            created=created if isinstance(created, int) else 0,
            lost_data=data.get("lost_data") is True,
            last_request=moment(data.get("last_request")),
            waiting=waiting if isinstance(waiting, int) else None,
        )

    def ensure_pullable(self, query: str) -> None:
        """Raise ProviderError unless this subscription delivers the query by pull."""
        if self.query and self.query != query:
            raise ProviderError(
                f"subscription {self.id} belongs to {self.query}, not to query {query}"
            )
        if self.kind != "pull":
            raise ProviderError(_not_pull(query, [self]))


def choose(query: str, found: Iterable[Subscription]) -> Subscription:
    """The subscription to pull from: the newest of the most active ones.

    Raises:
        NotFoundError: the query has no subscription.
        ProviderError: it has some, but none of the pull type.
    """
    everything = list(found)
    if not everything:
        raise NotFoundError(
            f"query {query} has no push subscription: before you start the query, create one with "
            f"push/create and historics_id={query}, output_type=pull, output_params.format=json_new_line"
        )
    pulls = [each for each in everything if each.kind == "pull"]
    if not pulls:
        raise ProviderError(_not_pull(query, everything))
    return max(pulls, key=lambda each: (-_rank(each), each.created, each.id))


def _rank(subscription: Subscription) -> int:
    status = subscription.status
    return _LIVE.index(status) if status in _LIVE else len(_LIVE) + (status != "finished")


def _not_pull(query: str, found: list[Subscription]) -> str:
    kinds = ", ".join(sorted({each.kind or "an unknown connector" for each in found}))
    return (
        f"query {query} is delivered by {kinds}, not by pull: fetch it from there, "
        "or create a subscription with output_type=pull"
    )
