"""An unexpected error in any thread ends the run, which otherwise would wait for that thread."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.transfer.processes.test_processes import bodies
from tests.core.transfer.sabotage import Breaking, found, raise_it
from tests.core.transfer.test_large_files import provider
from tests.one_job import one_job
from tests.shelf import Shelf, large_archive
from tests.threads import assert_no_threads, of_this_test
from tests.usual import usual

from backhaul.errors import ExitCode
from backhaul.transfer.processes import pool

TURN = "engine.Engine.turn"
JUDGE_PART = "verification.Verification._judge_part"
LOOK = "processes.work.Work.look"
POOL = "processes.process_pool.ProcessPool._turn"


FILES = {"large.json.gz": large_archive(1, 9 << 20), **bodies(20)}


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as started:
        for name, body in FILES.items():
            started.storage.put(name, body)
        yield started


@pytest.fixture(autouse=True)
def _threads(shelf: Shelf) -> Iterator[None]:
    del shelf  # started before
    with of_this_test():
        yield


@pytest.mark.parametrize(
    ("method", "workers"),
    usual([(TURN, 1), (JUDGE_PART, 1), (POOL, 2)], TURN, JUDGE_PART, POOL),
)
def test_an_error_in_a_thread_ends_the_run(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, workers: int
) -> None:
    monkeypatch.setattr(*found(method), raise_it)
    driver = one_job(provider(shelf, *FILES), tmp_path, workers=workers)
    with pytest.raises(NameError, match="sabotage"):
        driver.run()
    assert_no_threads()


@pytest.mark.parametrize("method", usual([TURN, LOOK, JUDGE_PART], TURN))
def test_an_error_in_a_worker_process_ends_the_run(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    packed = pool.packed

    def broken(job: str, context: object) -> bytes | None:
        return packed(job, Breaking(method, pickle.dumps(context)))

    monkeypatch.setattr(pool, "packed", broken)
    driver = one_job(provider(shelf, *FILES), tmp_path, workers=2)
    with pytest.raises(RuntimeError, match=r"(?s)a worker process ended unexpectedly.*sabotage"):
        driver.run()
    assert_no_threads()


@pytest.mark.parametrize("method", [TURN, JUDGE_PART])
def test_after_an_error_the_job_can_run_again_in_this_process(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(*found(method), raise_it)
        broken = one_job(provider(shelf, *FILES), tmp_path)
        with pytest.raises(NameError, match="sabotage"):
            broken.run()
    result = one_job(provider(shelf, *FILES), tmp_path).run()
    assert result.exit_code == ExitCode.OK
