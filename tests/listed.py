"""An archive whose listing the test defines, with a real file server."""

import gzip
import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.one_job import one_job
from tests.shelf import Shelf

from backhaul import Http, JobOptions, JobStatus, ProviderInfo, RemoteFile, SourceOptions, hookimpl
from backhaul.archive.coverage import job_slots
from backhaul.archive.rebuild import rebuild
from backhaul.archive.slot_views import SlotView, on_disk_state
from backhaul.archive.verify import Checked, check_jobs
from backhaul.config import Config, load_text
from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import FileRow
from backhaul.plugins.discovery import Plugins
from backhaul.plugins.facade import Provider
from backhaul.plugins.loading import build
from backhaul.run.driver import Driver
from backhaul.run.plan import JobPlan
from backhaul.run.planning import plan_jobs
from backhaul.run.result import JobResult
from backhaul.storage.folder import JobFolder
from backhaul.types import JobState

_CONFIG = {
    "version": 1,
    "settings": {"dest": "archive"},
    "sources": {"source": {"provider": "listed"}},
    "jobs": {"job": {"source": "source"}},
}
Entry = tuple[str, dict[str, Any]]


def lines(seed: int, number: int = 3) -> bytes:
    """A gzip file with this many records."""
    text = "".join(f'{{"seed": {seed}, "line": {line}}}\n' for line in range(number))
    return gzip.compress(text.encode(), mtime=0)


def noise(size: int) -> bytes:
    """Random bytes."""
    return random.Random(size).randbytes(size)


def md5(data: bytes) -> str:
    """In the format of a listing."""
    return f"md5:{hashlib.md5(data).hexdigest()}"


def sha256(data: bytes) -> str:
    """In the format of a listing."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Listed:
    """A provider whose list and files the test sets.

    Attributes:
        entries: the list, in order: names with ``RemoteFile`` attributes other than the URL.
        next_entries: the lists for the next queries; the last one stays.
        urls: URLs of files outside of the store, by name.
        status: the job's status.
    """

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.entries: list[Entry] = []
        self.next_entries: list[list[Entry]] = []
        self.urls: dict[str, str] = {}
        self.status = JobStatus(JobState.READY)

    @hookimpl
    def provider(self) -> ProviderInfo:
        return ProviderInfo("Listed", SourceOptions, JobOptions)

    @hookimpl
    def get_status(self) -> JobStatus:
        return self.status

    @hookimpl
    def resolve_files(self) -> Iterable[RemoteFile]:
        entries = self.entries
        if self.next_entries:
            self.entries = self.next_entries.pop(0)
        for name, more in entries:
            url = self.urls.get(name) or self.shelf.storage.link(name)
            yield RemoteFile(name, url, **more)


def listing(*files: RemoteFile) -> Provider:
    """A provider that lists these files."""

    class Listing:
        @hookimpl
        def provider(self) -> ProviderInfo:
            return ProviderInfo("Listing", SourceOptions, JobOptions)

        @hookimpl
        def resolve_files(self) -> Iterable[RemoteFile]:
            return files

    return build(Listing(), name="listing")


class Archive:
    """One job of such a provider, and its folder."""

    def __init__(self, folder: Path, shelf: Shelf) -> None:
        self.folder = folder
        self.dest = folder / "archive"
        self.job = self.dest / "job"
        self.shelf = shelf
        self.listed = Listed(shelf)
        self.provider = build(self.listed, name="listed")

    def lists(self, *entries: str | Entry, **more: dict[str, Any]) -> None:
        """Sets the list, in this order; ``a=`` is ``a.gz`` with attributes."""
        self.listed.entries = [
            *((each, {}) if isinstance(each, str) else each for each in entries),
            *((f"{name}.gz", each) for name, each in more.items()),
        ]

    def gives(self, **data: bytes) -> None:
        """Sets files in the store (``a=`` is ``a.gz``)."""
        for name, each in data.items():
            self.shelf.storage.put(f"{name}.gz", each)

    def driver(self, **settings: Any) -> Driver:
        """A run that has not started."""
        return one_job(self.provider, self.dest, **{"durable": False, "retries": 0, **settings})

    def run(self, **settings: Any) -> JobResult:
        """Runs; ``asked`` then has the requested paths."""
        self.shelf.requests.clear()
        return self.driver(**settings).run().jobs[0]

    @property
    def asked(self) -> list[tuple[str, int]]:
        """Names requested by the last run, with the response statuses."""
        return [
            (each.path.rpartition("/")[2], each.status)
            for each in self.shelf.requests.at("storage")
        ]

    def plan(self, *, refresh: bool = False) -> JobPlan:
        """What a run would do."""
        (plan,) = plan_jobs(
            [self.driver().all_jobs[0].spec],
            load=lambda _: self.provider,
            make_http=lambda _, stop: Http(stop=stop),
            limit_rate=None,
            refresh=refresh,
        ).jobs
        return plan

    def config(self) -> Config:
        """As read by a command."""
        return load_text(
            json.dumps(_CONFIG), folder=self.folder, providers=lambda _: self.provider.info
        )

    def verify(self) -> Checked:
        """Verifies like ``backhaul verify``."""
        (checked,) = check_jobs([self.config()], Plugins())
        return checked

    def rebuild(self) -> None:
        """Deletes the ledger and rebuilds it from the files."""
        for path in (self.dest / ".backhaul").glob("ledger*"):
            path.unlink()
        rebuild(self.config(), Plugins())

    @contextmanager
    def _open(self) -> Iterator[tuple[Ledger, int, JobFolder]]:
        with (
            closing(JobFolder(self.job)) as folder,
            Ledger(self.dest / ".backhaul", readonly=True) as ledger,
        ):
            job = ledger.jobs.get("job")
            assert job is not None
            yield ledger, job.id, folder

    def rows(self) -> dict[str, FileRow]:
        """The ledger's files."""
        with self._open() as (ledger, job, _):
            return {row.name: row for row in ledger.inventory.files(job)}

    def states(self) -> dict[str, str]:
        """The states shown by ``backhaul files``."""
        with self._open() as (ledger, job, folder):
            rows = ledger.inventory.files(job)
            return {row.name: str(on_disk_state(row, folder.size)[0]) for row in rows}

    def slots(self) -> list[SlotView]:
        """The slots used by ``backhaul gaps``."""
        with self._open() as (ledger, _, folder):
            job = ledger.jobs.get("job")
            assert job is not None
            return list(job_slots(ledger, job, folder))

    def here(self, name: str) -> bytes | None:
        """The contents of a published file."""
        path = self.job / name
        return path.read_bytes() if path.exists() else None
