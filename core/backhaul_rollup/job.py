"""Rolls up one job: records by period, and the provider's tables."""

from collections import Counter
from collections.abc import Container, Iterator
from contextlib import ExitStack
from pathlib import Path

from backhaul import ConfigError, DiskError, ExitCode
from backhaul.commands import HERE, LINES, ROWS, Lease
from backhaul_rollup import lines, tables
from backhaul_rollup.provided import Provided
from backhaul_rollup.request import Archive, RollupRequest
from backhaul_rollup.result import JobRollup, OutputResult

_NEVER_LISTED = (
    "the provider's list was never read to its end, so it is unknown what is missing: run the job once"
    " without --since, --until, --include and --exclude"
)


def rollup_folder(base: Path, job: str) -> Path:
    """A job's roll-up folder: next to the job's folder, which contains only the provider's files."""
    return base / f"{job}.rollup"


def roll_up_job(
    archive: Archive, request: RollupRequest, *, provided: Provided
) -> Iterator[OutputResult | JobRollup]:
    """Yields each output when it is finished, and finally the job's result.

    Args:
        archive: the job's files; one roll-up of a job at a time.
        request: the options.
        provided: the provider's additions; its tables are written too.

    Raises:
        ConfigError: there are filters, but the job has tables.
        LockedError: another roll-up of the job is in progress.
        OSError: an output cannot be written.
        LedgerError: the ledger is damaged.
        PluginError: the provider's code fails.
    """
    row, dest = archive.row, archive.job.dest
    if provided.derive is not None and not request.selection.is_all:
        raise ConfigError(
            "its tables are derived from all of the job's files; leave out --since, --until, --include"
            " and --exclude, or select other jobs with --job"
        )
    where = str(archive.out) if archive.store is None else archive.store.url
    result = JobRollup(job=row.name, folder=where)
    if row.listed is None and not request.allow_gaps:
        result.message, result.failure = _NEVER_LISTED, ExitCode.INCOMPLETE
        yield result
        return
    with ExitStack() as held:
        try:
            if archive.store is None:  # otherwise it is locked in the store
                held.callback(Lease(dest.workspace, f"{row.name}.rollup").release)
        except DiskError:
            if archive.out.parent == dest.disk:
                raise  # nothing can be written there
        has_lines = any(row.content in LINES for row in archive.job.files())
        contents = LINES if has_lines or provided.derive is not None else LINES | ROWS
        if provided.derive is None or has_lines:
            for output in lines.roll_up(archive, request, contents):
                result.outputs.append(output)
                yield output
        if provided.derive is not None:
            for output in tables.write_tables(archive, provided, allow_gaps=request.allow_gaps):
                result.outputs.append(output)
                yield output
        else:
            _note_left_out(result, archive, contents)
    yield result


def _note_left_out(result: JobRollup, archive: Archive, contents: Container[str]) -> None:
    """Counts verified files without records or without a period; an error if there are no others."""
    left_out: Counter[str] = Counter()
    others = False
    for row in archive.job.files():
        if row.state in HERE:
            if row.content not in contents or row.start is None:
                left_out[row.content] += 1
            else:
                others = True
    result.left_out = left_out.total()
    if left_out and not others and not result.outputs:
        result.message, result.failure = _nothing(left_out, contents), ExitCode.INCOMPLETE


def _nothing(left_out: Counter[str], contents: Container[str]) -> str:
    """Why no file of a job can be rolled up."""
    unread = [content for content, _ in left_out.most_common() if content not in contents]
    if not unread:
        return "nothing to roll up: its files have no period"
    return (
        f"nothing to roll up: its files are {' and '.join(unread)}; roll-up reads JSON Lines, JSON and CSV,"
        " plain or packed, such as jsonl.gz"
    )
