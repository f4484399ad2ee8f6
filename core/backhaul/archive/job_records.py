"""Reads the records of a job's files in order of time, in constant memory."""

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from backhaul.archive.as_json_lines import json_records
from backhaul.archive.jobs import KnownJob, known_jobs
from backhaul.archive.slot_views import on_disk_state
from backhaul.archive.stored import DamagedFileError, StoredFile, compare
from backhaul.errors import BackhaulError, ConfigError, ExitCode, UnknownJobError
from backhaul.ledger.rows import FileRow
from backhaul.moments import When, instant
from backhaul.stopping import Stopped, each_until, never
from backhaul.storage.job import url_of
from backhaul.types import HERE
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.contents import LINES, ROWS

if TYPE_CHECKING:
    from backhaul.config import Config

log = logging.getLogger(__name__)


class NoRecordsError(BackhaulError):
    """None of a job's present files has records that can be read: JSON Lines, JSON or CSV."""

    exit_code = ExitCode.INCOMPLETE


def job_lines(
    configs: "Sequence[Config]",
    job: str,
    since: When | None,
    until: When | None,
    stopped: Stopped = never,
) -> Iterator[tuple[str, bytes]]:
    """Like ``record_lines``, for a job by name. Raises ConfigError immediately."""
    UnknownJobError.check((job,), (name for config in configs for name in config.jobs))
    first, last = _instant("since", since), _instant("until", until)

    def lines() -> Iterator[tuple[str, bytes]]:
        for known in known_jobs(configs, (job,)):
            limits = known.limits
            found = record_lines(known, limits, since=first, until=last, stopped=stopped)
            yield from each_until(stopped, found)

    return lines()


def _instant(name: str, value: When | None) -> datetime | None:
    try:
        return None if value is None else instant(value)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None


def record_lines(
    known: KnownJob,
    limits: ContentLimits,
    *,
    since: datetime | None,
    until: datetime | None,
    stopped: Stopped = never,
) -> Iterator[tuple[str, bytes]]:
    """Yields each file's name with each of its records as JSON, without footers and blank lines.

    The records of JSON Lines and of JSON documents are as stored; see ``json_records`` for CSV.

    Missing files are skipped, see ``job_gaps``. Each file is read twice: all of its bytes are compared
    with the ledger before its first record is returned.

    Args:
        known: the job.
        limits: decompression limits.
        since: only files whose period starts then or later.
        until: only files whose period starts before then.
        stopped: whether to end while a file is compared.

    Raises:
        InterruptedRunError: it was stopped.
        DamagedFileError: a file is no longer what the ledger says.
        LineTooLongError: a line is longer than ``max_line_size``.
        UnreadableRowsError: the rows of a CSV file cannot be read.
        NoRecordsError: the job has files, but none of them is JSON Lines, JSON or CSV.
        OSError: a file cannot be read.
    """
    row, folder = known.row, known.folder
    if row is None:
        return
    others: list[str] = []
    found = 0
    for file in known.ahead(_with_records(_selected(known, row.id, since, until), others)):
        found += 1
        if folder is None:
            raise DamagedFileError(file.name, "is no longer on disk")
        state, reason = on_disk_state(file, folder.size)
        if state not in HERE:
            raise DamagedFileError(file.name, reason)
        compare(folder, file, stopped)
        if file.content not in LINES:
            yield from ((file.name, record) for record in json_records(folder, file, limits))
            continue
        for _, text in StoredFile(folder, file, limits).read():
            for line in text.split(b"\n")[:-1]:
                yield file.name, line
    if others and not found:
        what = f"{known.name}: its files are {others[-1]}, not JSON Lines, JSON or CSV"
        raise NoRecordsError(f"{what}: read them from {url_of(known.dest, known.name)}")


def decoded(lines: Iterator[tuple[str, bytes]]) -> Iterator[Any]:
    """Decodes each record; records that are not JSON are skipped, and their number is logged."""
    decode = msgspec.json.Decoder().decode
    bad: dict[str, int] = {}
    for file, line in lines:
        try:
            record = decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            try:
                record = json.loads(line)  # accepts more, such as lone surrogates
            except (ValueError, RecursionError):
                bad[file] = bad.get(file, 0) + 1
                continue
        yield record
    for file, number in bad.items():
        log.warning("%s: skipped %d records that are not JSON", file, number)


def _with_records(files: Iterator[FileRow], others: list[str]) -> Iterator[FileRow]:
    """The files of a format whose records can be read; notes the format of the last other one."""
    for file in files:
        if file.content in LINES or file.content in ROWS:
            yield file
        else:
            others[:] = [file.content]


def _selected(
    known: KnownJob, job: int, since: datetime | None, until: datetime | None
) -> Iterator[FileRow]:
    """The present files in the range; files without a period if none of the job's has one."""
    first = since.timestamp() if since is not None else None
    last = until.timestamp() if until is not None else None
    dated = False
    for row in known.ledger.inventory.with_slot(job):
        dated = True
        start = row.start or 0
        if row.state in HERE and not (
            (first is not None and start < first) or (last is not None and start >= last)
        ):
            yield row
    if not dated and since is None and until is None:
        for row in known.ledger.inventory.without_slot(job):
            if row.state in HERE:
                yield row
