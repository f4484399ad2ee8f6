"""The process that forks workers is started early, if much is expected."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.core.transfer.processes.test_processes import bodies, children, is_gone
from tests.one_job import one_job
from tests.shelf import Shelf

from backhaul import (
    JobOptions,
    JobState,
    JobStatus,
    Pace,
    ProviderInfo,
    RemoteFile,
    SourceOptions,
    Totals,
    hookimpl,
)
from backhaul.config import Settings
from backhaul.http.pacing import SourcePace
from backhaul.plugins.facade import Provider
from backhaul.plugins.loading import build
from backhaul.storage.folder import JobFolder
from backhaul.transfer.context import JobContext
from backhaul.transfer.executor import Setup
from backhaul.transfer.on_demand import OnDemand
from backhaul.transfer.processes import auto


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as started:
        yield started


def on_demand(**settings: Any) -> OnDemand:
    return OnDemand(Setup(lambda _: None, lambda _: None, Settings(**settings), 2))


def context(folder: Path, expected: int) -> JobContext:
    return JobContext(JobFolder(folder, durable=False), expected=expected)


@pytest.mark.parametrize(
    ("workers", "expected", "begins"),
    [("auto", 251, True), ("auto", 250, False), (2, 1, True), (2, 0, False), (1, 999, False)],
)
def test_a_fork_server_starts_as_soon_as_much_is_expected(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    workers: str | int,
    expected: int,
    *,
    begins: bool,
) -> None:
    monkeypatch.setattr(auto, "_cores", lambda: 2)
    executor = on_demand(workers=workers)
    before = set(children(os.getpid()))
    executor.begin("job", context(tmp_path, expected))
    started = set(children(os.getpid())) - before
    assert bool(started) is begins
    executor.close()
    assert all(map(is_gone, started))


def test_no_fork_server_starts_for_a_source_with_a_pace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "_cores", lambda: 2)
    executor = on_demand(workers="auto")
    before = set(children(os.getpid()))
    paced = context(tmp_path, 999)._replace(pace=SourcePace("source", Pace(10)))
    executor.begin("job", paced)
    assert set(children(os.getpid())) == before
    executor.close()


def test_a_job_whose_files_are_present_starts_no_fork_server(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    begin = OnDemand.begin

    def note(executor: OnDemand, job: str, context: JobContext) -> None:
        seen.append(context.expected)
        begin(executor, job, context)

    monkeypatch.setattr(OnDemand, "begin", note)
    data = bodies(3)
    for name, body in data.items():
        shelf.storage.put(name, body)
    drivers = [one_job(counted(shelf, *data), tmp_path) for _ in range(2)]
    for driver in drivers:
        (result,) = driver.run().jobs
        assert result.files.verified == 3
    assert seen == [3, 0]
    assert isinstance(drivers[1].engine.executor, OnDemand)
    assert drivers[1].engine.executor.made is None


def counted(shelf: Shelf, *keys: str) -> Provider:
    """A provider that says how many files it has before it lists them."""
    module = ModuleType("counted")

    @hookimpl
    def provider() -> ProviderInfo:
        return ProviderInfo("Counted", SourceOptions, JobOptions)

    @hookimpl
    def get_status() -> JobStatus:
        return JobStatus(JobState.READY, totals=Totals(files=len(keys)))

    @hookimpl
    def resolve_files() -> Iterator[RemoteFile]:
        for key in keys:
            yield RemoteFile(key, shelf.storage.link(key))

    for hook in (provider, get_status, resolve_files):
        hook.__module__ = module.__name__
        setattr(module, hook.__name__, hook)
    return build(module, name="counted")
