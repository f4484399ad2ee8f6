"""Another program locks a ledger during a run: the run waits for it, and nothing else waits."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Timer

import pytest
from tests.one_job import job_spec
from tests.shelf import Shelf

from backhaul import Http, JobOptions, ProviderInfo, RemoteFile, SourceOptions, hookimpl
from backhaul.config import Settings
from backhaul.errors import ExitCode, FailureKind
from backhaul.ledger.database import ledger_path
from backhaul.ledger.ledger import Ledger
from backhaul.plugins.loading import build
from backhaul.run.driver import Driver
from backhaul.run.result import JobOutcome

KEYS = tuple(f"{number}.csv" for number in range(20))


class Provider:
    """Files of a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @hookimpl
    def provider(self) -> ProviderInfo:
        return ProviderInfo("held", SourceOptions, JobOptions)

    @hookimpl
    def resolve_files(self) -> Iterator[RemoteFile]:
        for key in KEYS:
            yield RemoteFile(key, self._shelf.storage.link(key), content="bytes")


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as started:
        for key in KEYS:
            started.storage.put(key, b"1,2,3\n" * 9)
        yield started


def driver_of(
    shelf: Shelf,
    *dests: Path,
    patience: float,
    on_tick: Callable[[Driver], None] = lambda _: None,
) -> Driver:
    """A run of one job per destination."""
    provider = build(Provider(shelf), name="held")
    return Driver(
        [job_spec(dest, provider="held") for dest in dests],
        Settings(min_free_space=0, durable=False),
        ledger_patience=patience,
        load=lambda _: provider,
        make_http=lambda _, stop: Http(stop=stop),
        on_tick=on_tick,
    )


@contextmanager
def held(dest: Path) -> Iterator[sqlite3.Connection]:
    """Another program holds a destination's ledger until it commits."""
    Ledger(dest / ".backhaul").close()
    path = ledger_path(dest / ".backhaul")
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_locked_ledger_does_not_block_the_job_of_another_destination(
    shelf: Shelf, tmp_path: Path
) -> None:
    with held(tmp_path / "held"):
        result = driver_of(shelf, tmp_path / "held", tmp_path / "free", patience=0.5).run()
    locked, free = result.jobs
    assert free.state is JobOutcome.COMPLETE
    assert {note.kind for note in locked.failures} == {FailureKind.LOCKED}
    assert result.exit_code is ExitCode.LOCKED


def test_a_ledger_unlocked_in_time_costs_nothing(shelf: Shelf, tmp_path: Path) -> None:
    with held(tmp_path) as other:
        Timer(0.5, other.commit).start()
        result = driver_of(shelf, tmp_path, patience=60.0).run()
    assert result.exit_code is ExitCode.OK


def test_a_ledger_locked_during_a_run_is_waited_for_and_then_reported(
    shelf: Shelf, tmp_path: Path
) -> None:
    with held(tmp_path) as other:
        other.commit()
        began = driver_of(shelf, tmp_path, patience=0.5, on_tick=lambda _: _hold(other))
        result = began.run()
    (job,) = result.jobs
    assert {note.kind for note in job.failures} == {FailureKind.LOCKED}
    assert result.exit_code is ExitCode.LOCKED
    assert driver_of(shelf, tmp_path, patience=0.5).run().exit_code is ExitCode.OK


def _hold(other: sqlite3.Connection) -> None:
    if not other.in_transaction:
        other.execute("BEGIN IMMEDIATE")


def test_an_interrupted_run_does_not_wait_for_the_ledger(shelf: Shelf, tmp_path: Path) -> None:
    with held(tmp_path):
        waiting = driver_of(shelf, tmp_path, patience=3600.0)
        Timer(0.3, waiting.interrupt).start()
        assert waiting.run().exit_code is ExitCode.INTERRUPTED


def test_a_run_interrupted_while_the_ledger_is_locked_drops_its_pending_changes(
    shelf: Shelf, tmp_path: Path
) -> None:
    with held(tmp_path) as other:
        other.commit()
        waiting = driver_of(shelf, tmp_path, patience=3600.0, on_tick=lambda _: _hold(other))
        Timer(0.5, waiting.interrupt).start()
        assert waiting.run().exit_code is ExitCode.INTERRUPTED
    again = driver_of(shelf, tmp_path, patience=0.5).run()
    assert again.exit_code is ExitCode.OK
