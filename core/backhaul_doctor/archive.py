"""Checks what earlier runs left behind: the ledger, locked jobs, unfinished parts."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from backhaul import BackhaulError, ConfigError, DiskError, ExitCode, LockedError
from backhaul.commands import EarlierRuns, JobSpec, Location, wording
from backhaul_doctor.finding import Finding


def examine_archive(dest: Location, jobs: Sequence[JobSpec]) -> Iterator[Finding]:
    """Checks the ledger and the jobs of a destination."""
    with closing(EarlierRuns(dest)) as left:
        running = []
        for job in jobs:
            held = left.holder(job.name)
            if held is not None:
                running.append(job.name)
                yield Finding.failed(
                    "lease",
                    f"job {job.name}",
                    f"locked by process {held.pid} on {held.host} since {wording.iso(held.since)}",
                    "wait for that run to end, or stop it; `backhaul watch` shows it",
                    ExitCode.LOCKED,
                )
        try:
            known = left.check_ledger()
        except BackhaulError as error:
            advice = "" if not isinstance(error, LockedError) else error.kind.advice
            yield Finding.failed("ledger", str(dest), error.message, advice, error.exit_code)
            return
        if known is None:
            return
        yield Finding.ok("ledger", str(dest), f"intact, {wording.count(known, 'job')}")
        for job in jobs:
            conflict = left.conflict(job)
            if conflict:
                yield Finding.of_error("archive", f"job {job.name}", ConfigError(conflict))
            if job.name not in running:
                yield from _parts(left, job)


def _parts(left: EarlierRuns, job: JobSpec) -> Iterator[Finding]:
    subject = f"job {job.name}"
    try:
        parts = left.parts(job.name)
    except DiskError as error:
        yield Finding.failed("folder", subject, error.message, "", ExitCode.DISK)
        return
    if parts.number:
        yield Finding.warning(
            "parts",
            subject,
            f"{wording.count(parts.number, 'unfinished file')} of an earlier run, {wording.human(parts.size)}",
            "the next run continues them, or removes those that are no longer needed",
        )
