"""Checks what an earlier run has left: the ledger, locked jobs, unfinished parts."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from backhaul.archive.jobs import conflict_of
from backhaul.config import JobSpec
from backhaul.doctor.finding import Finding
from backhaul.errors import BackhaulError, ConfigError, ExitCode, LockedError
from backhaul.ledger.database import ledger_path
from backhaul.ledger.ledger import Ledger, inspected
from backhaul.oserrors import describe
from backhaul.storage.holders import holder
from backhaul.storage.job import open_parts, parts_folder
from backhaul.storage.location import Location
from backhaul.wording import count, human, iso


def examine_archive(dest: Location, jobs: Sequence[JobSpec]) -> Iterator[Finding]:
    """Checks the ledger and the jobs of a destination."""
    running = []
    for job in jobs:
        held = holder(dest.workspace, job.name)
        if held is not None:
            running.append(job.name)
            yield Finding.failed(
                "lease",
                f"job {job.name}",
                f"locked by process {held.pid} on {held.host} since {iso(held.since)}",
                "wait for that run to end, or stop it; `backhaul watch` shows it",
                ExitCode.LOCKED,
            )
    if not ledger_path(dest.workspace).exists():
        return
    try:
        ledger = inspected(dest.workspace, readonly=True)
    except BackhaulError as error:
        advice = "" if not isinstance(error, LockedError) else error.kind.advice
        yield Finding.failed("ledger", str(dest), error.message, advice, error.exit_code)
        return
    try:
        known = {row.name for row in ledger.jobs.all()}
        yield Finding.ok("ledger", str(dest), f"intact, {count(len(known), 'job')}")
        for job in jobs:
            yield from _conflict(ledger, job)
            if job.name not in running:
                yield from _parts(dest, job)
    finally:
        ledger.abandon()


def _conflict(ledger: Ledger, job: JobSpec) -> Iterator[Finding]:
    conflict = conflict_of(job, ledger, ledger.jobs.get(job.name))
    if conflict:
        yield Finding.of_error("archive", f"job {job.name}", ConfigError(conflict))


def _parts(dest: Location, job: JobSpec) -> Iterator[Finding]:
    path, subject = parts_folder(dest, job.name), f"job {job.name}"
    if not path.exists():
        return
    try:
        with closing(open_parts(dest, job.name)) as folder:
            names = {name for name, _ in folder.parts()}
            size = sum(folder.part_taken(name) for name in names)
    except OSError as error:
        yield Finding.failed(
            "folder", subject, f"{path}: {describe(error, path)}", "", ExitCode.DISK
        )
        return
    if names:
        yield Finding.warning(
            "parts",
            subject,
            f"{count(len(names), 'unfinished file')} of an earlier run, {human(size)}",
            "the next run continues them, or removes those that are no longer needed",
        )
