"""Selecting the subscription to pull from."""

from collections.abc import Callable
from typing import Any

import pytest

from backhaul import NotDataError, NotFoundError, ProviderError
from backhaul_datasift_historics.subscription import Subscription, choose

Start = Callable[..., Any]


def made(name: str, **fields: Any) -> Subscription:
    base = {"id": name, "output_type": "pull", "status": "active", "created_at": 1, "hash": "9e97"}
    return Subscription.read(base | fields)


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ([made("a")], "a"),
        ([made("a"), made("b", created_at=2)], "b"),
        ([made("s3", output_type="s3", created_at=9), made("a")], "a"),
        ([made("done", status="finished", created_at=9), made("a")], "a"),
        ([made("held", status="paused", created_at=9), made("a")], "a"),
        ([made("held", status="paused"), made("done", status="finished")], "held"),
        ([made("bad", status="failed", created_at=9), made("done", status="finished")], "done"),
        ([made("ending", status="finishing"), made("done", status="finished")], "ending"),
    ],
)
def test_the_newest_of_the_most_active_pull_subscriptions_is_chosen(
    found: list[Subscription], chosen: str
) -> None:
    assert choose("9e97", found).id == chosen
    assert choose("9e97", reversed(found)).id == chosen


def test_without_a_subscription_the_error_says_how_to_create_one() -> None:
    with pytest.raises(NotFoundError, match=r"push/create.*historics_id=9e97, output_type=pull"):
        choose("9e97", [])


def test_subscriptions_of_other_kinds_are_only_named_in_the_error() -> None:
    with pytest.raises(ProviderError, match="ftp, s3"):
        choose("9e97", [made("a", output_type="s3"), made("b", output_type="ftp")])


def test_a_subscription_of_another_query_is_refused() -> None:
    with pytest.raises(ProviderError, match=r"9e97.*0a0a"):
        made("a").ensure_pullable("0a0a")


def test_a_subscription_of_another_kind_is_refused() -> None:
    with pytest.raises(ProviderError, match=r"\bs3\b"):
        made("a", output_type="s3").ensure_pullable("9e97")


@pytest.mark.parametrize("answer", [None, [], {"status": "active"}])
def test_an_answer_that_is_not_a_subscription_is_refused(answer: Any) -> None:
    with pytest.raises(NotDataError):
        Subscription.read(answer)


def test_a_finished_subscription_is_found_over_http(world: Start) -> None:
    here = world(step=None, waiting=0)
    list(here.fetch())
    assert here.emulator.main.subscription()["status"] == "finished"
    assert here.file().meta["subscription"] == here.emulator.main.subscription_id


def test_all_pages_of_subscriptions_are_read(world: Start) -> None:
    here = world()
    other = dict(here.emulator.main.subscription(), output_type="s3")
    here.emulator.more_subscriptions += [other | {"id": f"{n:032x}"} for n in range(250)]
    newest = other | {"id": "f" * 32, "output_type": "pull", "created_at": 2_000_000_000}
    here.emulator.more_subscriptions.append(newest)
    assert here.file().meta["subscription"] == "f" * 32


def test_the_named_subscription_is_used(world: Start) -> None:
    here = world()
    named = dict(here.emulator.main.subscription(), id="e" * 32, status="finished", created_at=1)
    here.emulator.more_subscriptions.append(named)
    assert here.file(subscription="e" * 32).meta["subscription"] == "e" * 32


def test_an_unknown_name_is_in_the_error(world: Start) -> None:
    with pytest.raises(NotFoundError, match="d" * 32):
        world().file(subscription="d" * 32)
