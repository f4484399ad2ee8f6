"""A running emulator, with the session and options to access it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

import backhaul_datasift_historics as datasift
from backhaul import Chunk, Http, JobStatus, RemoteFile
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator
from backhaul_datasift_historics.options import DatasiftJob, DatasiftSource


@dataclass(frozen=True)
class World:
    emulator: DatasiftHistoricsEmulator
    http: Http

    def source(self, **keys: Any) -> DatasiftSource:
        given = self.emulator.source() | {"pulls_per_second": 5000.0} | keys
        return DatasiftSource.model_validate({k: v for k, v in given.items() if k != "provider"})

    def job(self, **keys: Any) -> DatasiftJob:
        given = {"poll": "0.01s"} | keys
        if "name" not in keys:
            given.setdefault("id", self.emulator.main.id)
        return DatasiftJob.model_validate(given)

    def status(self, **keys: Any) -> JobStatus:
        return datasift.get_status(self.http, self.source(), self.job(**keys))

    def file(self, **keys: Any) -> RemoteFile:
        (file,) = datasift.resolve_files(self.http, self.source(), self.job(**keys))
        return file

    def fetch(self, cursor: str | None = None, **keys: Any) -> Iterable[Chunk]:
        return datasift.pull_file(
            self.http, self.source(), self.job(**keys), self.file(**keys), cursor
        )

    def expected(self) -> list[bytes]:
        feed = self.emulator.main.feed
        assert feed is not None
        return list(feed.delivered())

    def paths(self) -> list[str]:
        return [entry.path.partition("/v1.6/")[2] for entry in self.emulator.requests]


@pytest.fixture
def world() -> Iterator[Callable[..., World]]:
    """Starts an emulator with the given settings."""
    with ExitStack() as running:

        def start(**settings: Any) -> World:
            settings.setdefault("pulls_per_second", 10_000.0)
            settings.setdefault("budget", 1_000_000)
            emulator = running.enter_context(DatasiftHistoricsEmulator(**settings))
            return World(emulator, running.enter_context(Http()))

        yield start
