"""What the driver does with the messages of one exchange, without a cluster."""

import asyncio
import logging
import pickle
from types import SimpleNamespace
from typing import Any

from backhaul.transfer.cluster import remote_calls
from backhaul.transfer.cluster.crew import ClusterCrew
from backhaul.transfer.cluster.worker import DaskWorker


def test_nothing_more_is_taken_from_a_worker_that_is_lost_meanwhile() -> None:
    crew: Any = ClusterCrew.__new__(ClusterCrew)
    taken: list[str] = []

    async def exchange() -> list[tuple[str]]:
        return [("rejected",), ("outcomes",)]

    async def take(_: object, message: tuple[str]) -> None:
        taken.append(message[0])
        await asyncio.sleep(0)  # as while a rejected body is written: others repeat its transfers
        crew.workers.clear()

    worker = SimpleNamespace(number=0, closed=False, exchange=exchange)
    crew.workers, crew._take = {0: worker}, take
    asyncio.run(crew._talk(worker))
    assert taken == ["rejected"]


def test_what_others_log_in_a_worker_is_left_alone() -> None:
    log = logging.getLogger("distributed.worker")
    for args in ((["a list"],), ({"a": []},), ("others",), ([], {}), ()):
        assert remote_calls._no_exchanges.filter(log.makeRecord("", 0, "", 0, "%s", args, None))
    record = log.makeRecord("", 0, "", 0, "run %r", ("exchange",), None)
    assert not remote_calls._no_exchanges.filter(record)


def test_a_message_ends_the_exchange_in_progress_once() -> None:
    hurried: list[bool] = []
    answer = pickle.dumps(("running", []))

    async def run(*_: object, **__: object) -> dict[str, bytes]:
        for name in ("share", "hold"):
            worker.send(name)
        return {"address": answer}

    client: Any = SimpleNamespace(run=run)
    worker = DaskWorker(
        0,
        "address",
        client,
        run="run",
        jobs={},
        key=str,
        hurry=lambda: hurried.append(True),
    )
    worker.send("remember")
    assert hurried == []  # the next exchange has it
    asyncio.run(worker.exchange())
    assert hurried == [True]
