"""A Historics query with its subscription, as the emulator's API describes them."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from backhaul_datasift_historics.emulated_feed import Feed

DAY = 86400
OVER = frozenset({"succeeded", "stopped", "killed", "failed"})
MADE = 1454493600
"""When everything in the emulator was made: 3 February 2016, 10:00 UTC."""


def name_id(text: str, digits: int) -> str:
    """An id in DataSift's format, deterministic for a text."""
    return hashlib.blake2b(text.encode(), digest_size=digits // 2).hexdigest()


@dataclass(kw_only=True)
class EmulatedQuery:
    """One query.

    Attributes:
        feed: its queue; None if it was never started or has no subscription.
        fixed: a constant status; None: it follows the feed's progress.
        ends: its status once everything is delivered.
        miscount: difference between its own delivery_count and its chunks'.
        early: whether the subscription is finished before it is drained.
        stuck: whether the subscription stays active forever.
        definition: hash of its filter; empty: a generated one.
        subscription_name: empty: a generated one.
        subscription_state: state set by the customer; None: it follows the feed.
    """

    id: str
    name: str
    start: int
    days: int
    feed: Feed | None = None
    fixed: str | None = None
    ends: str = "succeeded"
    miscount: int = 0
    early: bool = False
    stuck: bool = False
    form: str = "json_new_line"
    lost_data: bool = False
    definition: str = ""
    subscription_name: str = ""
    subscription_state: str | None = None
    sources: list[str] = field(default_factory=lambda: ["tumblr", ""])

    @property
    def subscription_id(self) -> str:
        """The id of its subscription."""
        return name_id(f"subscription/{self.id}", 32)

    @property
    def status(self) -> str:
        """The query's status now."""
        if self.fixed is not None:
            return self.fixed
        if self.feed is None:
            return "init"
        if self.feed.waiting:
            return "queued"
        return self.ends if self.feed.complete else "running"

    def subscribe(self, feed: Feed, name: str) -> None:
        """Attach a queue; the status stays the same until the query is started."""
        if self.feed is None:
            self.fixed = self.fixed or "init"
            self.feed = feed
        self.subscription_name = name
        self.subscription_state = None

    def begin(self) -> bool:
        """Start it; False if it was started before. Without a subscription, its data is lost."""
        if self.status != "init":
            return False
        self.fixed = None if self.feed else "running"
        return True

    def pause(self) -> bool:
        """Pause it; False if it is not running."""
        if self.status not in {"queued", "submitted", "running"}:
            return False
        self.fixed = "paused"
        return True

    def resume(self) -> bool:
        """Resume it; False if it is not paused."""
        if self.status != "paused":
            return False
        self.fixed = None if self.feed else "running"
        return True

    def stop(self) -> bool:
        """Stop it for good, keeping what it has delivered; False if it has already ended."""
        if self.status in OVER:
            return False
        self.fixed = "stopped"
        if self.feed is not None:
            self.feed.deliverable = self.feed.available
        return True

    def describe(self, *, whole: bool, estimate: bool) -> dict[str, Any]:
        """The object of historics/get; ``whole``: with its chunks, as in responses by id."""
        delivered = self.feed.available if self.feed else 0
        total = self.feed.interactions.total if self.feed else 0
        data: dict[str, Any] = {
            "id": self.id,
            "definition_id": self.definition or name_id(f"stream/{self.id}", 32),
            "name": self.name,
            "start": self.start,
            "end": self.start + self.days * DAY,
            "created_at": MADE,
            "status": self.status,
            "progress": 100 if self.status == "succeeded" else delivered * 100 // max(total, 1),
            "sources": self.sources,
            "sample": 100,
            "delivery_count": delivered + self.miscount,
        }
        if estimate:
            data["estimated_completion"] = 0 if self.feed is None else MADE + 3600
        if whole and self.feed is not None:
            data["chunks"] = [self._chunk(number, estimate=estimate) for number in range(self.days)]
        return data

    def _chunk(self, number: int, *, estimate: bool) -> dict[str, Any]:
        feed = self.feed
        if feed is None:
            raise ValueError("a query that was not started has no chunks")
        total = feed.interactions.total
        first, after = total * number // self.days, total * (number + 1) // self.days
        delivered = min(max(feed.available - first, 0), after - first)
        if delivered == after - first:
            status = "succeeded"
        elif feed.available >= first and not feed.waiting:
            status = self.status
        else:
            status = "init"
        data = {
            "status": status,
            "progress": delivered * 100 // max(after - first, 1),
            "start_time": self.start + number * DAY,
            "end_time": self.start + (number + 1) * DAY,
            "delivery_count": delivered,
        }
        return data | ({"estimated_completion": MADE + 3600} if estimate else {})

    def subscription(self) -> dict[str, Any] | None:
        """The object of push/get; None if there is no subscription."""
        feed = self.feed
        if feed is None or self.subscription_state == "deleted":
            return None
        state = self.subscription_state or "active"
        if state == "finishing" or (state == "active" and self.status in OVER and not self.stuck):
            state = "finished" if self.early or feed.drained else "finishing"
        return {
            "id": self.subscription_id,
            "output_type": "pull",
            "name": self.subscription_name or f"{self.name} pull",
            "created_at": MADE,
            "user_id": 77,
            "hash": self.id,
            "hash_type": "historic",
            "output_params": {"format": self.form},
            "status": state,
            "last_request": feed.last_request,
            "last_success": feed.last_request,
            "remaining_bytes": None,
            "interaction_count": feed.position,
            "lost_data": self.lost_data,
            "start": MADE,
            "end": None,
        }
