"""An origin moves to the workers while files from it are still being verified here."""

import gzip
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from tests.core.transfer.collecting import Collected
from tests.core.transfer.processes.counting import CountingServer

from backhaul import Content, Problem, RemoteFile, Request
from backhaul.config import Settings
from backhaul.transfer.context import Found, JobContext
from backhaul.transfer.engine import Engine
from backhaul.transfer.executor import Setup, units
from backhaul.transfer.outcome import Done, Outcome, Retrying, Withdrawn
from backhaul.transfer.processes import auto
from backhaul.transfer.processes.process_pool import ProcessPool
from backhaul.transfer.unit import Transfer

BODY = gzip.compress(b'{"n": 1}\n')
LONG = 60.0  # seconds, for what takes some milliseconds


def transfer(server: CountingServer, name: str) -> Transfer:
    url = f"{server.url}/{name}"
    return Transfer("job", RemoteFile(name, url, content="jsonl.gz"), Request(url))


def wait_for(found: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not found():
        assert time.monotonic() < end
        time.sleep(0.005)


class Check:
    """Finds every file invalid, once it may."""

    def __init__(self) -> None:
        self.begun = Event()
        self.may_end = Event()

    def __call__(self, file: RemoteFile, content: Content) -> Found:
        del file, content
        self.begun.set()
        assert self.may_end.wait(LONG)
        return Found(Problem("wrong"))


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer(lambda _: BODY) as started:
        yield started


@pytest.fixture
def check() -> Iterator[Check]:
    made = Check()
    yield made
    made.may_end.set()


@pytest.fixture
def engine(tmp_path: Path, check: Check) -> Iterator[Engine]:
    sink = Collected(tmp_path)
    sink.context = sink.context._replace(check=check)
    made = sink.new_engine(retries=5)
    yield made
    check.may_end.set()
    made.stop()
    made.close()


def turn_until(engine: Engine, found: Callable[[], bool]) -> None:
    def turned() -> bool:
        engine.turn(0.01)
        return found()

    wait_for(turned)


def test_a_file_being_verified_needs_no_more_requests(
    engine: Engine, server: CountingServer, check: Check
) -> None:
    engine.submit(transfer(server, "a.json.gz"))
    assert engine.fetches(server.url)
    turn_until(engine, check.begun.is_set)
    engine.leave(server.url)
    assert not engine.fetches(server.url)


def test_another_process_fetches_what_turns_out_invalid_at_an_origin_that_was_left(
    engine: Engine, server: CountingServer, check: Check
) -> None:
    engine.submit(transfer(server, "a.json.gz"))
    turn_until(engine, check.begun.is_set)
    engine.leave(server.url)
    check.may_end.set()
    turn_until(engine, lambda: not engine.busy)
    retrying, withdrawn = engine.take()
    assert isinstance(retrying, Retrying)
    assert withdrawn == Withdrawn("job", frozenset({"a.json.gz"}), given_back=True)
    assert len(server.times) == 1


def test_an_origin_is_no_longer_left_once_it_has_another_transfer(
    engine: Engine, server: CountingServer, check: Check
) -> None:
    engine.leave(server.url)
    engine.submit(transfer(server, "a.json.gz"))
    check.may_end.set()
    turn_until(engine, lambda: not engine.busy)
    assert not any(isinstance(outcome, Withdrawn) for outcome in engine.take())
    assert len(server.times) == 3


def waits_in(process: int, flag: Path, file: RemoteFile, content: Content) -> Found:
    """A check that ends in one process only when a file exists."""
    del file, content
    if os.getpid() == process:
        wait_for(flag.exists)
    return Found()


def test_workers_do_not_wait_until_this_process_has_verified_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "_cores", lambda: 2)
    monkeypatch.setattr(auto, "_BUSY", -1.0)
    monkeypatch.setattr(auto, "_AHEAD", -1.0)
    flag, count, outcomes = tmp_path / "flag", 600, list[Outcome]()

    def body(_: str) -> bytes:
        if len(origin.times) > count * 0.95:  # far more than this process has at a time
            flag.touch()
        return BODY

    def are_few() -> bool:
        """Whether the workers do not use all connections yet, though this process needs none any more."""
        times = origin.times
        return len(times) > count // 2 and origin.most_since(times[count // 2]) < 4

    def deliver(some: Sequence[Outcome]) -> None:
        outcomes.extend(some)

    with CountingServer(body) as origin:
        origin.holds = are_few
        settings = Settings(workers="auto", connections=4, connections_per_host=4)
        pool = ProcessPool(Setup(deliver, outcomes.append, settings, 4))  # type: ignore[arg-type]  # fails below
        try:
            check = partial(waits_in, os.getpid(), flag)
            pool.begin("job", JobContext(Collected(tmp_path / "job").folder, check))
            for unit in units([transfer(origin, f"{each}.json.gz") for each in range(count)]):
                pool.submit(unit)
            wait_for(lambda: len(outcomes) >= count)
        finally:
            flag.touch()
            pool.cancel(None)
            pool.close()
        assert {type(outcome) for outcome in outcomes} == {Done}
        assert len(origin.times) == count
        assert origin.most == 4
