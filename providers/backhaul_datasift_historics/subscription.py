"""The push subscription of a query: what ``push/get`` says of it, and which one to pull from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backhaul import NotDataError, NotFoundError, ProviderError
from backhaul_datasift_historics.query import moment

OVER = frozenset({"finished", "failed", "stopped", "deleted"})
"""Statuses after which nothing more is put into the queue; what waits there is still given out."""

_PAUSED = frozenset({"paused", "finishing_paused"})
_LIVE = ("active", "retrying", "finishing", "waiting_for_start", *sorted(_PAUSED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A push subscription.

    Attributes:
        query: the id of the Historics query (or hash of the stream) that it delivers.
        lost_data: some interactions waited for longer than an hour and are gone.
        last_request: when somebody pulled last; None: never.
        waiting: bytes in the queue, where DataSift says.
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
        """Whether nothing more will be put into the queue."""
        return self.status in OVER

    @property
    def paused(self) -> bool:
        """Whether somebody has to resume it before anything comes."""
        return self.status in _PAUSED

    @classmethod
    def read(cls, data: Any) -> "Subscription":
        """From an element of the answer. Raises NotDataError when it is not a subscription."""
        if not isinstance(data, Mapping) or not isinstance(data.get("id"), str):
            raise NotDataError("push/get answered something that is not a subscription")
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
        """Raises ProviderError unless this delivers that query by pull."""
        if self.query and self.query != query:
            raise ProviderError(
                f"the subscription {self.id} belongs to {self.query} and not to the query {query}"
            )
        if self.kind != "pull":
            raise ProviderError(_not_pull(query, [self]))


def choose(query: str, found: Iterable[Subscription]) -> Subscription:
    """The subscription to pull from: the newest of the liveliest.

    Raises:
        NotFoundError: the query has no subscription.
        ProviderError: it has some, but none of the pull type.
    """
    everything = list(found)
    if not everything:
        raise NotFoundError(
            f"the query {query} has no push subscription: create one before the query is started, with "
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
    kinds = ", ".join(sorted({each.kind or "an unknown way" for each in found}))
    return (
        f"the query {query} is delivered by {kinds} and not by pull: fetch it from there, "
        "or create a subscription with output_type=pull"
    )
