"""The summary at the end of a run, including all failures."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import backhaul
from backhaul.cli import output
from backhaul.errors import FailureKind
from backhaul.wording import count, human, span

if TYPE_CHECKING:
    from backhaul import FailureReport, JobResult, RunResult

_SHOWN: Final = 20
_COLOURS: Final = {"complete": "good", "partial": "warn", "not_ready": "warn", "failed": "bad"}


def summary(result: "RunResult", files: str) -> Iterator[str]:
    """The lines.

    Args:
        result: the result of the run.
        files: the YAML files as they were given, for the commands that it suggests.
    """
    for job in result.jobs:
        yield from _job(job, files)
    if len(result.jobs) != 1:
        yield _whole(result)


def _whole(result: "RunResult") -> str:
    complete = sum(1 for job in result.jobs if job.state is backhaul.JobOutcome.COMPLETE)
    fetched = sum(job.files.fetched for job in result.jobs)
    size = human(sum(job.bytes_fetched for job in result.jobs))
    jobs = count(len(result.jobs), "job")
    return (
        f"{complete} of {jobs} complete; {count(fetched, 'file')} ({size}) fetched"
        f" in {span(result.seconds)}"
    )


def _job(job: "JobResult", files: str) -> Iterator[str]:
    state = output.colour(job.state.value.replace("_", " "), _COLOURS[job.state])
    message = f" ({output.words(job.message)})" if _has_message_to_show(job) else ""
    yield f"{output.colour(job.job, 'bold')}: {state}{message}"
    if job.files.listed or job.files.verified:
        yield f"  {_here(job)}"
    gaps = _gaps(job)
    if gaps:
        yield f"  {', '.join(gaps)}; see: backhaul gaps {files}"
    for warning in job.warnings[:_SHOWN]:
        yield f"  {output.colour('note:', 'warn')} {output.words(warning)}"
    if len(job.warnings) > _SHOWN:
        yield f"  and {len(job.warnings) - _SHOWN:,} more notes (see --json)"
    yield from _failures(job, files)
    if job.files.verified:
        yield f"  files: {job.folder}"


def _has_message_to_show(job: "JobResult") -> bool:
    return bool(job.message) and job.state is not backhaul.JobOutcome.COMPLETE


def _here(job: "JobResult") -> str:
    files = job.files
    came = [f"{files.fetched:,} fetched ({human(job.bytes_fetched)})"] if files.fetched else []
    if files.skipped:
        came.append(f"{files.skipped:,} already downloaded")
    if files.replaced:
        came.append(f"{files.replaced:,} replaced by another version")
    how = f": {', '.join(came)}" if came else ""
    records = f"; {count(job.records, 'record')}" if job.records else ""
    return f"{files.verified:,} of {count(files.listed, 'file')} verified{how}{records}"


def _gaps(job: "JobResult") -> list[str]:
    files = job.files
    gaps = [f"{count(files.silent, 'silent slot')}"] if files.silent else []
    if files.unknown:
        gaps.append(f"{files.unknown:,} unknown")
    if files.suspect:
        gaps.append(f"{count(files.suspect, 'file')} suspect")
    failed = sum(note.kind is FailureKind.NOT_FOUND for note in job.failures if note.file)
    if files.missing > failed:  # a listed file that is missing is shown with the failures
        gaps.append(f"{count(files.missing - failed, 'file')} missing at the provider")
    return gaps


def _failures(job: "JobResult", files: str) -> Iterator[str]:
    if not job.failures:
        return
    whole = [note for note in job.failures if note.file is None]
    single = [note for note in job.failures if note.file is not None]
    for note in whole:
        word = "stopped:" if note.kind.is_stop else "failed:"
        yield f"  {output.colour(word, 'bad')} {output.words(note.message)}"
    if single:
        yield f"  {output.colour(count(len(single), 'file') + ' failed:', 'bad')}"
    for note in single[:_SHOWN]:
        yield f"    {output.words(note.file or '')}: {note.kind.value}: {output.words(note.message)}"
    if len(single) > _SHOWN:
        states = " ".join(f"--state {state}" for state in _failed_states(job))
        yield f"    and {len(single) - _SHOWN:,} more: backhaul files {files} {states}"
    kept = sum(note.rejected is not None for note in single)
    if kept:
        yield f"    {count(kept, 'rejected download')} kept in {job.rejected}"
    yield from _advice(job.failures)


def _failed_states(job: "JobResult") -> list[str]:
    files = job.files
    counts = {
        "failed": files.failed,
        "missing": files.missing,
        "corrupt": files.corrupt,
        "lost": files.lost,
    }
    return [state for state, number in counts.items() if number] or ["failed"]


def _advice(failures: "tuple[FailureReport, ...]") -> Iterator[str]:
    advised = {
        note.kind: advice for note in failures if (advice := note.kind.advice_on(note.message))
    }
    for kind, advice in advised.items():
        if kind.is_stop:
            continue  # the message already says so
        yield f"  {kind.value}: {advice}"
