"""States of transfers: each has exactly one, and whole jobs are queried and changed by state."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.transfer.collecting import Collected, held, under_way
from tests.core.transfer.scripted import Asked, reply, scripted
from tests.core.transfer.test_hold import turn_until

from backhaul.transfer.context import Found
from backhaul.transfer.engine import Engine
from backhaul.transfer.outcome import Withdrawn
from backhaul.transfer.unit import Transfer
from backhaul.types import Content, RemoteFile, Request

MB = 1 << 20


class Curious(Collected):
    """Queries what is active while a file is being checked."""

    engine: Engine
    seen: frozenset[str] = frozenset()

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.context = self.context._replace(check=self.check)

    def check(self, file: RemoteFile, content: Content) -> Found:
        del file, content
        self.seen |= under_way(self.engine)
        return Found()


@pytest.fixture
def sink(tmp_path: Path) -> Curious:
    return Curious(tmp_path / "job")


@pytest.fixture
def most() -> int:
    """The number of simultaneous connections."""
    return 2


@pytest.fixture
def engine(sink: Curious, most: int) -> Iterator[Engine]:
    made = sink.new_engine("job", "other", connections=most, connections_per_host=most, retries=3)
    sink.engine = made
    yield made
    made.stop()
    made.close()


def submit(engine: Engine, url: str, name: str, *, job: str = "job") -> None:
    link = f"{url}/{name}"
    engine.submit(Transfer(job, RemoteFile(name, link, content="bytes"), Request(link)))


def test_a_file_is_in_progress_from_its_first_request_until_it_is_published(
    engine: Engine, sink: Curious
) -> None:
    with scripted(lambda _: reply(b"data")) as server:
        submit(engine, server.url, "a")
        assert (under_way(engine), engine.busy) == (set(), True)
        sink.turn(engine, 0.0)
        assert under_way(engine) == {"a"}
        turn_until(sink, engine, lambda: "a" in sink.data)
    assert sink.seen == {"a"}
    assert (under_way(engine), engine.busy) == ({"a"}, False), "it has no final name yet"
    engine.published("job", ["a", "unknown"])
    assert under_way(engine) == set()


def test_a_file_waiting_for_a_retry_is_in_progress_and_cannot_be_withdrawn(
    engine: Engine, sink: Curious
) -> None:
    def script(asked: Asked) -> bytes:
        return reply(b"", status="503 Busy") if asked.number == 0 else reply(b"data")

    with scripted(script) as server:
        submit(engine, server.url, "a")
        turn_until(sink, engine, lambda: engine.counters.retries == 1)
        assert (engine.counters.active, under_way(engine), engine.busy) == (0, {"a"}, True)
        engine.withdraw("job")
        assert engine.take() == [Withdrawn("job", frozenset())]
        turn_until(sink, engine, lambda: "a" in sink.data)


def test_a_transfer_stopped_while_waiting_for_a_retry_does_not_restart(
    engine: Engine, sink: Curious
) -> None:
    with scripted(lambda _: reply(b"", status="503 Busy")) as server:
        submit(engine, server.url, "a")
        turn_until(sink, engine, lambda: engine.counters.retries == 1)
        engine.stop()
        assert (engine.busy, under_way(engine)) == (False, set())
        for _ in range(20):
            sink.turn(engine, 0.1)
        assert len(server.asked) == 1


def test_a_withdrawn_transfer_can_be_submitted_with_a_link_to_another_host(
    engine: Engine, sink: Curious
) -> None:
    with scripted(lambda _: reply(b"old")) as old, scripted(lambda _: reply(b"new")) as new:
        for name in ("a", "b", "c", "d"):
            submit(engine, old.url, name)
        sink.turn(engine, 0.0)
        engine.withdraw("job")
        assert engine.take() == [Withdrawn("job", frozenset({"c", "d"}))]
        assert under_way(engine) == {"a", "b"}
        submit(engine, new.url, "c")
        turn_until(sink, engine, lambda: not engine.busy)
        assert sink.data == {"a": b"old", "b": b"old", "c": b"new"}
        assert sorted(each.path for each in old.asked) == ["/a", "/b"]
        assert [each.path for each in new.asked] == ["/c"]


@pytest.mark.parametrize("most", [1])
def test_transfers_that_had_not_started_follow_the_order_of_the_new_list(
    engine: Engine, sink: Curious
) -> None:
    with scripted(lambda _: reply(b"data")) as server:
        engine.hold(["job"])
        for name in ("a", "b", "c"):
            submit(engine, server.url, name)
        engine.withdraw("job")
        engine.release("job")
        for name in ("new", "c", "b", "a"):
            submit(engine, server.url, name)
        turn_until(sink, engine, lambda: not engine.busy)
        assert [each.path for each in server.asked] == ["/new", "/c", "/b", "/a"]


@pytest.mark.parametrize("most", [1])
def test_a_paused_job_gives_way_to_others_and_resumes_later(engine: Engine, sink: Curious) -> None:
    """Its waiting transfers keep their numbers: they go before transfers submitted later."""
    with scripted(lambda _: reply(b"data")) as server:
        for name in ("a", "b", "c"):
            submit(engine, server.url, name)
        engine.hold(["job"])
        assert (held(engine), engine.busy) == (3, False)
        submit(engine, server.url, "x", job="other")
        turn_until(sink, engine, lambda: "x" in sink.data)
        submit(engine, server.url, "y", job="other")
        engine.release("job")
        turn_until(sink, engine, lambda: len(sink.data) == 5)
        assert [each.path for each in server.asked] == ["/x", "/a", "/b", "/c", "/y"]


def test_a_job_that_has_ended_leaves_nothing_behind(engine: Engine, sink: Curious) -> None:
    with scripted(lambda _: reply(b"data")) as server:
        engine.hold(["job"])
        submit(engine, server.url, "a")
        submit(engine, server.url, "x", job="other")
        engine.end("job")
        engine.end("other")
        assert (held(engine), engine.busy) == (0, False)
        engine.begin("job", sink.context)
        submit(engine, server.url, "b")
        turn_until(sink, engine, lambda: "b" in sink.data)
        assert [each.path for each in server.asked] == ["/b"]


def test_a_large_file_being_verified_is_in_progress(engine: Engine, sink: Curious) -> None:
    with scripted(lambda _: reply(bytes(3 * MB), 'ETag: "1"')) as server:
        submit(engine, server.url, "large")
        turn_until(
            sink, engine, lambda: engine.counters.bytes == 3 * MB and not engine.counters.active
        )
        assert under_way(engine) == {"large"}
        turn_until(sink, engine, lambda: "large" in sink.data)
