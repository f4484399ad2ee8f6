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
    ProviderInfo,
    RemoteFile,
    SourceOptions,
    Totals,
    hookimpl,
)
from backhaul.config import Settings
from backhaul.plugins.facade import Provider
from backhaul.plugins.loading import build
from backhaul.storage.folder import JobFolder
from backhaul.transfer.context import JobContext
from backhaul.transfer.executor import Setup
from backhaul.transfer.on_demand import OnDemand
from backhaul.transfer.processes import number as processes_number


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
    monkeypatch.setattr(processes_number, "_cores", lambda: 2)
    executor = on_demand(workers=workers)
    before = set(children(os.getpid()))
    executor.begin("job", context(tmp_path, expected))
    started = set(children(os.getpid())) - before
    assert bool(started) is begins
    executor.close()
    assert all(map(is_gone, started))


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
    for _ in range(2):
        (result,) = one_job(counted(shelf, *data), tmp_path).run().jobs
        assert result.files.verified == 3
    assert seen == [3, 0]


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
