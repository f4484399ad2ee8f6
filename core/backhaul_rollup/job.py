"""Rolls up one job: records by period, and the provider's tables."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from backhaul import ConfigError, ExitCode
from backhaul.commands import HERE, LINES, DiskError, Lease, Location
from backhaul_rollup import lines, tables
from backhaul_rollup.provided import Provided
from backhaul_rollup.request import Archive, Wish
from backhaul_rollup.result import JobRollup, OutputResult

_NEVER_LISTED = (
    "the provider's list was never read whole, so that what is missing is not known: run the job once"
    " without --since, --until, --include and --exclude"
)


def rollup_folder(base: Path, job: str) -> Path:
    """A job's roll-up folder: next to the job's folder, which holds only the provider's names."""
    return base / f"{job}.rollup"


def roll_up_job(
    archive: Archive, wish: Wish, *, dest: Location, provided: Provided
) -> Iterator[OutputResult | JobRollup]:
    """Yields each output when it is finished, and finally the job's result.

    Args:
        archive: the job's files.
        wish: how.
        dest: the destination; one roll-up of a job at a time.
        provided: what its provider brings; the tables among it are written, too.

    Raises:
        ConfigError: filters, for a job of which tables are made.
        LockedError: another roll-up of the job is under way.
        OSError: an output cannot be written.
        LedgerError: the ledger is damaged.
        PluginError: the provider's code fails.
    """
    row = archive.row
    if provided.derive is not None and not wish.selection.is_all:
        raise ConfigError(
            "its tables are made of all of the job's files; leave out --since, --until, --include"
            " and --exclude, or select other jobs with --job"
        )
    result = JobRollup(job=row.name, folder=str(archive.out))
    if row.listed is None and not wish.allow_gaps:
        result.message, result.failure = _NEVER_LISTED, ExitCode.INCOMPLETE
        yield result
        return
    with ExitStack() as held:
        try:
            held.callback(Lease(dest.workspace, f"{row.name}.rollup").release)
        except DiskError:
            if archive.out.parent == dest.disk:
                raise  # nothing can be written there
        if provided.derive is None or _has_records(archive):
            for output in lines.roll_up(archive, wish):
                result.outputs.append(output)
                yield output
        if provided.derive is not None:
            for output in tables.write_tables(archive, provided, allow_gaps=wish.allow_gaps):
                result.outputs.append(output)
                yield output
        else:
            result.left_out = _left_out(archive)
    yield result


def _has_records(archive: Archive) -> bool:
    return any(row.content in LINES for row in archive.ledger.inventory.files(archive.row.id))


def _left_out(archive: Archive) -> int:
    """Number of verified files without records or without a period."""
    return sum(
        1
        for row in archive.ledger.inventory.files(archive.row.id)
        if row.state in HERE and (row.content not in LINES or row.start is None)
    )
