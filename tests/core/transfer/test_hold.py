"""Held jobs: nothing starts, large files are suspended, and everything continues later."""

import gzip
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.core.transfer.collecting import Collected, held
from werkzeug import Request as Asked
from werkzeug import Response

from backhaul.errors import FailureKind
from backhaul.testing import Emulator
from backhaul.transfer.body import IN_MEMORY
from backhaul.transfer.engine import Engine
from backhaul.transfer.outcome import Withdrawn
from backhaul.transfer.unit import Transfer
from backhaul.types import RemoteFile, Request

MB = 1 << 20


class Files(Emulator):
    """A storage without an API."""

    provider = "files"

    def api(self, request: Asked) -> Response:
        del request
        return Response(status=404)


@pytest.fixture
def files() -> Iterator[Files]:
    with Files() as started:
        yield started


@pytest.fixture
def sink(tmp_path: Path) -> Collected:
    return Collected(tmp_path / "job")


@pytest.fixture
def engine(sink: Collected) -> Iterator[Engine]:
    made = sink.new_engine("job", "other")
    yield made
    made.stop()
    made.close()


def noise(size: int) -> bytes:
    return gzip.compress(random.Random(size).randbytes(size), compresslevel=0, mtime=0)


def submit(
    engine: Engine, files: Files, name: str, data: bytes, *, job: str = "job", partial: bool = False
) -> None:
    files.storage.put(name, data)
    url = files.storage.link(name)
    engine.submit(
        Transfer(job, RemoteFile(name, url, content="bytes"), Request(url)), partial=partial
    )


def turn_until(sink: Collected, engine: Engine, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds() and time.monotonic() < end:
        sink.turn(engine, 0.05)
    assert holds()


@pytest.mark.parametrize("size", [3 * MB, 20 * MB], ids=["in one", "in pieces"])
def test_a_large_file_is_kept_and_resumed(
    files: Files, sink: Collected, engine: Engine, tmp_path: Path, size: int
) -> None:
    data = noise(size)
    files.faults.replace(f"slow={4 * MB}:all")
    submit(engine, files, "large", data)
    turn_until(sink, engine, lambda: engine.counters.bytes > MB)
    engine.hold(["job"])
    assert (held(engine), engine.counters.active, engine.busy) == (1, 0, False)
    asked = len(files.requests)
    for _ in range(5):
        sink.turn(engine, 0.05)
    assert len(files.requests) == asked
    files.faults.replace("")
    engine.release("job")
    turn_until(sink, engine, lambda: "large" in sink.data)
    assert (tmp_path / "job/large.part").read_bytes() == data
    assert engine.counters.bytes == len(data), "no byte came twice"
    assert held(engine) == 0


def test_a_transfer_that_turns_out_large_after_its_job_was_held_is_suspended(
    files: Files, sink: Collected, engine: Engine
) -> None:
    files.faults.replace(f"slow={4 * MB}:all")
    submit(engine, files, "large", noise(3 * MB))
    turn_until(sink, engine, lambda: engine.counters.bytes > 0)
    assert engine.counters.bytes < IN_MEMORY

    engine.hold(["job"])
    assert (engine.counters.held, engine.counters.active) == ({"job": 0}, 1)
    turn_until(sink, engine, lambda: not engine.counters.active)

    assert (engine.counters.held, engine.counters.bytes < 3 * MB) == ({"job": 1}, True)
    engine.release("job")
    assert engine.counters.held == {}
    turn_until(sink, engine, lambda: "large" in sink.data)
    assert engine.counters.bytes < 3 * MB + MB // 8, "what had come was kept"


@pytest.mark.parametrize("size", [3 * MB, 20 * MB], ids=["in one", "in pieces"])
def test_data_that_waits_for_space_survives_the_run(
    files: Files, sink: Collected, size: int
) -> None:
    engine = sink.new_engine()
    data = noise(size)
    files.faults.replace(f"slow={4 * MB}:all")
    submit(engine, files, "large", data)
    turn_until(sink, engine, lambda: engine.counters.bytes > MB)
    engine.hold(["job"])
    turn_until(sink, engine, lambda: not engine.at_work("job"))
    engine.close()  # without stop
    before = engine.counters.bytes
    files.faults.replace("")
    later = sink.new_engine()
    submit(later, files, "large", data, partial=True)
    turn_until(sink, later, lambda: "large" in sink.data)
    later.close()
    assert before + later.counters.bytes == len(data)


def test_small_transfers_finish_and_queued_ones_wait(
    files: Files, sink: Collected, engine: Engine
) -> None:
    files.faults.replace("slow=10000:all")
    names = [f"small-{number}" for number in range(9)]
    for name in names:
        submit(engine, files, name, noise(3000))
    sink.turn(engine, 0.0)
    engine.hold(["job"])
    turn_until(sink, engine, lambda: not engine.busy)
    assert (sorted(sink.data), held(engine)) == (names[:4], 5)
    files.faults.replace("")
    engine.release("job")
    turn_until(sink, engine, lambda: len(sink.data) == 9)
    begun = [each.path.rpartition("/")[2] for each in files.requests.at("storage")]
    assert sorted(begun) == names


def test_another_job_continues(files: Files, sink: Collected, engine: Engine) -> None:
    engine.hold(["job"])
    submit(engine, files, "held", noise(100))
    submit(engine, files, "free", noise(100), job="other")
    turn_until(sink, engine, lambda: not engine.busy)
    assert list(sink.data) == ["free"]


def test_a_withdrawn_transfer_no_longer_waits(
    files: Files, sink: Collected, engine: Engine
) -> None:
    engine.hold(["job"])
    submit(engine, files, "held", noise(100))
    engine.withdraw("job")
    assert engine.take() == [Withdrawn("job", frozenset({"held"}))]
    assert held(engine) == 0
    engine.release("job")
    sink.turn(engine, 0.05)
    assert (sink.data, list(files.requests)) == ({}, [])


@pytest.mark.parametrize("forgotten", [False, True])
def test_withdrawn_data_is_kept_until_forgotten(
    files: Files, sink: Collected, engine: Engine, *, forgotten: bool
) -> None:
    data = noise(3 * MB)
    files.faults.replace(f"slow={4 * MB}:all")
    submit(engine, files, "large", data)
    turn_until(sink, engine, lambda: engine.counters.bytes > MB)
    engine.hold(["job"])
    files.faults.replace("")
    engine.withdraw("job")
    large = frozenset({"large"})
    assert engine.take() == [Withdrawn("job", large, kept=large)]
    if forgotten:
        engine.forget("job")
    engine.release("job")
    submit(engine, files, "large", data)
    turn_until(sink, engine, lambda: "large" in sink.data)
    assert [each.status for each in files.requests][-1] == (200 if forgotten else 206)


def test_a_part_that_cannot_be_kept_fails(
    files: Files, sink: Collected, engine: Engine, tmp_path: Path
) -> None:
    files.faults.replace(f"slow={4 * MB}:all")
    submit(engine, files, "large", noise(20 * MB))
    turn_until(sink, engine, lambda: engine.counters.bytes > MB)
    shutil.rmtree(tmp_path / "job")

    engine.hold(["job"])

    turn_until(sink, engine, lambda: "large" in sink.failures)
    assert sink.failures["large"].kind is FailureKind.DISK
    assert held(engine) == 0
