"""How many requests to a store run at once."""

import asyncio

import pytest

from backhaul.storage.stores.gate import MOST, Gate


def answered(gate: Gate, *, rounds: int, seconds: float) -> list[int]:
    """The limit after each of some rounds, in which as many requests as allowed are answered."""
    limits = []
    for _ in range(rounds):
        for _ in range(gate.limit):
            gate.succeeded(seconds)
        limits.append(gate.limit)
    return limits


@pytest.mark.parametrize("seconds", [0.001, 0.08, 0.4])
def test_a_store_gets_all_requests_within_a_few_responses_of_each(seconds: float) -> None:
    assert answered(Gate(), rounds=3, seconds=seconds) == [16, 32, MOST]


def test_a_store_that_gets_slower_does_not_get_more() -> None:
    gate = Gate()
    before = answered(gate, rounds=1, seconds=0.01)
    assert answered(gate, rounds=9, seconds=0.031) == 9 * before


def test_a_store_that_asked_for_fewer_requests_gets_more_slowly() -> None:
    gate = Gate()
    answered(gate, rounds=2, seconds=0.08)
    gate.throttled()
    limits = [gate.limit, *answered(gate, rounds=8, seconds=0.08)]
    assert limits[0] == 16
    assert limits[-1] in range(20, 25)


def test_requests_that_wait_start_once_there_may_be_more() -> None:
    async def waiting() -> tuple[int, int]:
        gate, running = Gate(), 0
        over = asyncio.Event()

        async def request() -> None:
            nonlocal running
            async with gate.admit():
                running += 1
                await over.wait()

        requests = [asyncio.create_task(request()) for _ in range(40)]
        await asyncio.sleep(0)
        before = running
        for _ in range(before):
            gate.succeeded(0.08)
        await asyncio.sleep(0)
        after = running
        over.set()
        await asyncio.gather(*requests)
        return before, after

    assert asyncio.run(waiting()) == (8, 16)
