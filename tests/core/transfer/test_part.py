"""A part is written as data arrives and verified behind it, in any order."""

import hashlib
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import pytest
from tests.core.transfer.at_once import AtOnce

from backhaul.errors import FailureKind
from backhaul.storage.folder import JobFolder
from backhaul.transfer.part import BLOCK, Backlog, PartFile
from backhaul.types import Content
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Verifier

DATA = random.Random(5).randbytes(3 * BLOCK + 17)
Done = SimpleQueue[Content | None]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[JobFolder]:
    opened = JobFolder(tmp_path, durable=False)
    yield opened
    opened.close()


def part_of(folder: JobFolder, executor: ThreadPoolExecutor, name: str = "x") -> PartFile:
    return PartFile(
        folder,
        name,
        executor=executor,
        verifier=lambda _: Verifier("bytes", limits=ContentLimits()),
        mailbox=AtOnce(),
        backlog=Backlog(),
        durable=False,
    )


def is_data(content: Content | None) -> bool:
    return content is not None and content.sha256 == hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_pieces_can_arrive_in_any_order(folder: JobFolder, order: tuple[int, ...]) -> None:
    done = Done()
    segments = [(0, DATA[:BLOCK]), (BLOCK, DATA[BLOCK : 2 * BLOCK]), (2 * BLOCK, DATA[2 * BLOCK :])]
    with ThreadPoolExecutor(2) as executor:
        part = part_of(folder, executor)
        for number in order:
            place, segment = segments[number]
            part.write_at(place, [segment], len(segment))
        part.finish(done.put)
        assert is_data(done.get(timeout=10))
        part.suspend()


def test_data_suspended_before_verification_is_verified_when_finished(
    folder: JobFolder,
) -> None:
    done = Done()
    busy = Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(busy.wait)
        part = part_of(folder, executor)
        for start in range(0, len(DATA), BLOCK):
            part.append(DATA[start : start + BLOCK])
        part.suspend()
        busy.set()
        executor.submit(lambda: None).result()
        part.finish(done.put)
        assert is_data(done.get(timeout=10))
        part.suspend()


def test_a_file_with_a_hole_is_not_complete(folder: JobFolder) -> None:
    done = Done()
    with ThreadPoolExecutor(1) as executor:
        part = part_of(folder, executor)
        part.append(DATA[:9])
        part.write_at(10, [DATA[10:]], len(DATA) - 10)
        part.finish(done.put)
        assert done.get(timeout=10) is None
        assert isinstance(part.error, VerifyFault)
        assert part.error.kind is FailureKind.TRUNCATED
        part.discard()


def test_files_take_turns_with_one_worker(folder: JobFolder) -> None:
    done = [Done(), Done()]
    ended: list[int] = []
    busy = Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(busy.wait)
        parts = [part_of(folder, executor, name) for name in ("long", "short")]
        parts[0].write_at(0, [DATA * 9], 9 * len(DATA))
        parts[0].write_at(9 * len(DATA), [DATA], len(DATA))
        parts[1].write_at(0, [DATA[:9]], 9)
        for number, part in enumerate(parts):
            part.finish(
                lambda content, number=number: (ended.append(number), done[number].put(content))
            )  # type: ignore[misc]  # mypy does not infer lambdas with defaults
        busy.set()
        assert all(each.get(timeout=10) is not None for each in done)
        for part in parts:
            part.suspend()
    assert ended == [1, 0]


def test_a_run_that_ends_leaves_the_rest_unverified_and_no_thread_behind(
    folder: JobFolder,
) -> None:
    busy = Event()
    executor = ThreadPoolExecutor(1)
    executor.submit(busy.wait)
    part = part_of(folder, executor)
    part.write_at(0, [DATA * 50], 50 * len(DATA))
    part.write_at(50 * len(DATA), [DATA], len(DATA))
    part.suspend()
    busy.set()
    executor.shutdown(wait=True)
    assert part.error is None
    assert (folder.path / "x.part").stat().st_size == 51 * len(DATA)
