"""Large parts that come at once are verified in processes of their own."""

import gzip
import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.core.transfer.at_once import AtOnce
from tests.core.transfer.processes.test_early_start import counted
from tests.core.transfer.processes.test_processes import all_gone, children, is_gone
from tests.one_job import one_job
from tests.shelf import Shelf, large_archive
from tests.usual import usual

from backhaul.storage.folder import JobFolder
from backhaul.transfer import parts
from backhaul.transfer.backlog import Backlog
from backhaul.transfer.part import BLOCK, PartFile
from backhaul.transfer.processes import auto
from backhaul.transfer.processes.fork_server import SharedForkServer
from backhaul.transfer.processes.verifier_pool import SpreadVerifier, VerifierPool
from backhaul.transfer.verifiers import Rules
from backhaul.transfer.workers import Workers
from backhaul.types import Content
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.fault import VerifyFault

DATA = large_archive(3, 2 << 20)
RULES = Rules("jsonl.gz", 1, None, ContentLimits())


@pytest.fixture
def server() -> Iterator[SharedForkServer]:
    started = SharedForkServer()
    yield started
    started.close()


@pytest.fixture
def pool(server: SharedForkServer) -> VerifierPool:
    """A pool whose own process verifies a large part already."""
    found = VerifierPool(server, most=1)
    assert found.take(-1, RULES) is None
    return found


def opener(tmp_path: Path, data: bytes = DATA) -> Callable[[], int]:
    path = tmp_path / "part"
    path.write_bytes(data)
    return partial(os.open, path, os.O_RDWR)


def here(data: bytes, rules: Rules = RULES) -> Content:
    verifier = rules.verifier()
    verifier.feed(data)
    return verifier.finish()


def feed(verifier: SpreadVerifier, data: bytes) -> None:
    """As a part does."""
    for start in range(0, len(data), BLOCK):
        while not verifier.ready():
            pass
        verifier.feed(data[start : start + BLOCK])


def result(verifier: SpreadVerifier, data: bytes) -> Content:
    feed(verifier, data)
    return verifier.finish()


def forked(server: SharedForkServer) -> list[int]:
    """The processes that a fork server has forked."""
    started = server.start()
    assert started is not None
    return [each for each in children(started._process.pid) if not is_gone(each)]


def process_of(verifier: SpreadVerifier) -> int:
    """The process that verifies a part, once it was forked."""
    process = verifier._process
    assert process is not None
    return process._server.pid(process._number)


def test_a_single_large_part_starts_no_process(server: SharedForkServer, tmp_path: Path) -> None:
    before = children(os.getpid())
    verifier = VerifierPool(server, most=1).of(opener(tmp_path), RULES)
    feed(verifier, DATA)
    assert verifier.finish() == here(DATA)
    verifier.close()
    assert children(os.getpid()) == before


def test_a_part_beside_another_one_is_verified_by_another_process(
    server: SharedForkServer, pool: VerifierPool, tmp_path: Path
) -> None:
    verifier = pool.of(opener(tmp_path), RULES)
    feed(verifier, DATA[: 2 * BLOCK])
    assert [process_of(verifier)] == forked(server)
    feed(verifier, DATA[2 * BLOCK :])
    assert verifier.finish() == here(DATA)
    assert forked(server) == []


def test_a_part_for_which_no_process_is_left_is_verified_here(
    server: SharedForkServer, pool: VerifierPool, tmp_path: Path
) -> None:
    verifiers = [pool.of(opener(tmp_path), RULES) for _ in range(3)]
    for each in verifiers:
        feed(each, DATA)
    assert [process_of(verifiers[0])] == forked(server)
    assert [each.finish() for each in verifiers] == 3 * [here(DATA)]


@pytest.mark.parametrize("fed", [1, len(DATA)])
def test_a_part_whose_process_was_killed_is_verified_here(
    pool: VerifierPool, tmp_path: Path, fed: int
) -> None:
    verifier = pool.of(opener(tmp_path), RULES)
    feed(verifier, DATA[:fed])
    process = process_of(verifier)
    os.kill(process, signal.SIGKILL)
    assert all_gone([process])
    feed(verifier, DATA[fed:])
    assert verifier.finish() == here(DATA)


def test_without_a_fork_server_a_part_is_verified_here(
    server: SharedForkServer, pool: VerifierPool, tmp_path: Path
) -> None:
    server.close()
    verifier = pool.of(opener(tmp_path), RULES)
    feed(verifier, DATA)
    assert verifier.finish() == here(DATA)


def test_a_suspended_part_is_read_again_from_its_beginning(
    server: SharedForkServer, pool: VerifierPool, tmp_path: Path
) -> None:
    verifier = pool.of(opener(tmp_path), RULES)
    for start in range(0, len(DATA), 4 * BLOCK):
        feed(verifier, DATA[start : start + 4 * BLOCK])
        verifier.close()
        assert forked(server) == []
    assert verifier.finish() == here(DATA)


@pytest.mark.parametrize(
    ("data", "rules"),
    usual(
        [
            (DATA[:-9], RULES),
            (DATA[: 3 * BLOCK] + b"damage" + DATA[3 * BLOCK :], RULES),
            (gzip.compress(b"<html></html>"), RULES),
            (DATA, RULES._replace(checksum="sha256:" + "0" * 64)),
        ],
        DATA[:-9],
        DATA,
    ),
    ids=["cut", "damaged", "a page", "another checksum"],
)
def test_another_process_reports_the_same_faults(
    server: SharedForkServer, pool: VerifierPool, tmp_path: Path, data: bytes, rules: Rules
) -> None:
    with pytest.raises(VerifyFault) as expected:
        here(data, rules)
    verifier = pool.of(opener(tmp_path, data), rules)
    with pytest.raises(VerifyFault) as found:
        result(verifier, data)
    verifier.close()
    assert (found.value.kind, found.value.message) == (expected.value.kind, expected.value.message)
    assert forked(server) == []


def test_a_digest_of_the_response_is_compared_by_another_process(
    pool: VerifierPool, tmp_path: Path
) -> None:
    verifier = pool.of(opener(tmp_path), RULES, "md5:" + "0" * 32)
    feed(verifier, DATA)
    with pytest.raises(VerifyFault):
        verifier.finish()
    verifier.close()


def test_a_part_that_became_shorter_is_a_fault(pool: VerifierPool, tmp_path: Path) -> None:
    verifier = pool.of(opener(tmp_path, DATA[:BLOCK]), RULES)
    with pytest.raises(VerifyFault, match="became shorter"):
        result(verifier, DATA)
    verifier.close()


def test_parts_in_any_order_are_verified_behind_what_is_written(
    server: SharedForkServer, pool: VerifierPool, tmp_path: Path
) -> None:
    folder = JobFolder(tmp_path, durable=False)
    seen: list[Content | None] = []
    executor = Workers(2, print)
    part = PartFile(
        folder,
        "x",
        executor=executor,
        verifier=partial(pool.of, partial(folder.open_part, "x"), RULES),
        mailbox=AtOnce(),
        backlog=Backlog(),
        durable=False,
    )
    starts = list(range(0, len(DATA), BLOCK))
    for start in starts[1:] + starts[:1]:
        block = DATA[start : start + BLOCK]
        part.write_at(start, [block], len(block))
    part.finish(seen.append)
    while part.at_work:
        pass
    part.suspend()
    executor.shutdown()
    folder.close()
    assert seen == [here(DATA)]
    assert forked(server) == []


def test_a_run_verifies_large_files_in_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[bool] = []
    take = VerifierPool.take

    def noted(pool: VerifierPool, *values: object) -> object:
        pool._here = pool._here or 1  # as if another large file was being verified
        process = take(pool, *values)  # type: ignore[arg-type]  # passes on what it was given
        taken.append(process is not None)
        return process

    monkeypatch.setattr(VerifierPool, "take", noted)
    monkeypatch.setattr(parts, "_HEAVY", 1 << 20)
    monkeypatch.setattr(auto, "_cores", lambda: 3)
    before = set(children(os.getpid()))
    files = {f"{each}.jsonl.gz": large_archive(each, (2 + each) << 20) for each in range(2)}
    with Shelf() as shelf:
        for name, data in files.items():
            shelf.storage.put(name, data)
        (result,) = one_job(counted(shelf, *files), tmp_path).run().jobs
    assert (result.files.verified, result.failures) == (2, ())
    assert taken == [True, True]
    for name, data in files.items():
        assert hashlib.sha256((tmp_path / "job" / name).read_bytes()).digest() == (
            hashlib.sha256(data).digest()
        )
    assert set(children(os.getpid())) == before
