"""Refused links: when listings are repeated, and which failures remain."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from tests.one_job import one_job
from tests.shelf import Shelf, large_archive

from backhaul import JobOptions, NotFoundError, ProviderInfo, RemoteFile, SourceOptions, hookimpl
from backhaul.plugins.facade import Provider
from backhaul.plugins.loading import build
from backhaul.run.result import JobResult
from backhaul.testing import Faults


def provider(shelf: Shelf, files: int, *, pause: float = 0.0, listings: int = 99) -> Provider:
    """Lists this many files in batches, this many times."""
    module = ModuleType("links")
    left = [listings]

    @hookimpl
    def provider() -> ProviderInfo:
        return ProviderInfo("Links", SourceOptions, JobOptions)

    @hookimpl
    def resolve_files() -> Iterator[RemoteFile]:
        left[0] -= 1
        if left[0] < 0:
            raise NotFoundError("the job is not listed any more")
        for number in range(files):
            if number and number % 16 == 0:
                time.sleep(pause)
            yield RemoteFile(f"{number:03}.gz", shelf.storage.link(f"{number:03}.gz"))

    for hook in (provider, resolve_files):
        hook.__module__ = module.__name__
        setattr(module, hook.__name__, hook)
    return build(module, name="links")


def run(shelf: Shelf, loaded: Provider, dest: Path, files: int) -> JobResult:
    for number in range(files):
        shelf.storage.put(f"{number:03}.gz", large_archive(number, 1000))
    (job,) = one_job(loaded, dest, durable=False, retries=0).run().jobs
    return job


def test_files_whose_links_cannot_be_renewed_are_recorded(tmp_path: Path) -> None:
    with Shelf(link_lifetime=-60) as shelf:
        job = run(shelf, provider(shelf, 120, pause=0.1), tmp_path, 120)
    assert job.exit_code == 7
    assert job.files.failed == job.files.listed == 120


def test_a_failed_listing_leaves_each_refusal_unchanged(tmp_path: Path) -> None:
    with Shelf(faults=Faults.parse("denied:all@001* not_found:all@002*")) as shelf:
        job = run(shelf, provider(shelf, 4, listings=1), tmp_path, 4)
    assert {(note.file, note.kind.value) for note in job.failures} == {
        (None, "not_found"), ("001.gz", "denied"), ("002.gz", "not_found"),
    }  # fmt: skip
    assert (job.files.verified, job.files.failed, job.files.missing) == (2, 1, 1)
