"""Rolls up a job's record files, one period at a time."""

import re
import time
from collections.abc import Container, Iterator
from typing import Any

from backhaul import BackhaulError, DamagedFileError, SlotState
from backhaul.commands import HERE, LINES, FileRow, moment, wording
from backhaul_rollup.book import Book, inputs_digest
from backhaul_rollup.formats import Format, make_sink
from backhaul_rollup.gaps import Gap, GapFinder, find_gaps
from backhaul_rollup.groups import Group, groups, series_by
from backhaul_rollup.output import Output
from backhaul_rollup.request import Archive, RollupRequest
from backhaul_rollup.result import Outcome, OutputResult, failed

_VERSION = 1  # of the output; changing it rewrites every output
_NAMED = 10  # maximum number of suspect files named per output
_SAVE_EVERY = 10.0  # seconds; a crash loses at most this much work
_NOTES = {
    "not_utf8": "{} records are not UTF-8; invalid bytes are replaced with U+FFFD",
    "half_surrogates": "{} key values contain unpaired surrogates, replaced with U+FFFD",
}
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")


def roll_up(
    archive: Archive, request: RollupRequest, contents: Container[str]
) -> Iterator[OutputResult]:
    """Write one output per period (and series); yields the result of each.

    A period with gaps is refused unless gaps are allowed; a period with slots that are not due yet is
    left for later. Data that the provider never had is not a gap, and is listed in the manifest. If a
    period fails, it is not published, and the others continue. Memory use grows with the number of
    files in a period, not with their size.

    Args:
        archive: the job's files.
        request: the options.
        contents: files with other contents are left out.

    Raises:
        OSError: the manifest cannot be written.
        LedgerError: the ledger is damaged.
    """
    series_of = series_by(archive.series)
    found = find_gaps(archive.job, series_of, contents=contents)
    chosen = request.selection
    finder = GapFinder([gap for gap in found if gap.file is None or chosen.takes_name(gap.file)])
    writer = _Writer(archive, request)
    try:
        rows = (
            row
            for row in archive.job.files()
            if row.start is not None and row.content in contents and chosen.takes_name(row.name)
        )
        for group in groups(rows, request.to, series_of):
            gaps = finder.of(group)
            if chosen.takes_start(moment(group.start)):
                yield writer.write(group, gaps)
        for group, gaps in finder.rest(request.to):
            if chosen.takes_start(moment(group.start)):
                yield writer.write(group, gaps)
    finally:
        writer.close()


class _Writer:
    """Writes a job's groups and their manifest to one folder."""

    def __init__(self, archive: Archive, request: RollupRequest) -> None:
        self._archive = archive
        self._request = request
        self._below = f"{request.to}/{request.form}"
        self._folder = archive.out / request.to / request.form
        self._book = Book(self._folder, archive.store, self._below)
        self._saved = time.monotonic()

    def close(self) -> None:
        """Saves the manifest."""
        self._book.save()

    def write(self, group: Group, gaps: tuple[Gap, ...]) -> OutputResult:
        """Write a group, unless it is up to date, has gaps or is not due."""
        name = self._name(group)
        if not self._request.allow_gaps:
            if any(gap.is_real for gap in gaps):
                return self._result(group, name, Outcome.REFUSED, gaps=gaps)
            if any(gap.is_not_due for gap in gaps):
                return self._result(group, name, Outcome.NOT_DUE, gaps=gaps)
        rows = [row for row in group.rows if self._archive.job.state_of(row)[0] in HERE]
        if not rows:
            return self._result(group, name, Outcome.EMPTY, gaps=gaps)
        entry = self._entry(group, name, rows, gaps)
        known = self._book.get(name)
        if known is not None and known["inputs"] == entry["inputs"]:
            return self._of_entry(group, known, rows, Outcome.UP_TO_DATE, gaps)
        try:
            joined = self._make(entry, rows)
        except (BackhaulError, OSError) as error:
            outcome, message = failed(error)
            return self._result(group, name, outcome, gaps=gaps, message=message)
        self._book.put(entry)
        if time.monotonic() - self._saved > _SAVE_EVERY:
            self._book.save()
            self._saved = time.monotonic()
        return self._of_entry(group, entry, rows, Outcome.WRITTEN, gaps, joined=joined)

    def _make(self, entry: dict[str, Any], rows: list[FileRow]) -> int:
        """Write the output and complete its entry; returns the number of files joined."""
        archive = self._archive
        self._folder.mkdir(parents=True, exist_ok=True)
        with Output(self._folder / entry["file"]) as output:
            sink = make_sink(self._request.form, output, archive.columns)
            try:
                for row in archive.job.ahead(rows):
                    sink.add(archive.job, row)
                sink.finish()
            except BaseException:
                sink.abandon()
                raise
            if entry["records_before"] not in {None, sink.records}:
                raise DamagedFileError(
                    entry["file"],
                    f"has {sink.records} records, but its files have {entry['records_before']}",
                )
            output.publish()
            entry.update(size=output.size, sha256=output.sha256, records=sink.records)
            for key, attribute in (("not_utf8", "replaced"), ("half_surrogates", "halves")):
                if number := getattr(sink, attribute, 0):
                    entry[key] = number
        return sink.joined

    def _entry(
        self, group: Group, name: str, rows: list[FileRow], gaps: tuple[Gap, ...]
    ) -> dict[str, Any]:
        request = self._request
        listed = [gap.as_json() for gap in gaps]
        columns = [[c.name, c.path] for c in self._archive.columns]
        settings = (
            _VERSION, request.to, request.form, group.start, group.end, listed,
            columns if request.form is Format.PARQUET else None,
        )  # fmt: skip
        return {
            "file": name,
            "slot": {
                "start": wording.iso(moment(group.start)),
                "end": wording.iso(moment(group.end)),
            },
            "series": group.series or None,
            "size": 0,
            "sha256": "",
            "records": 0,
            "records_before": _counted(rows),
            "files": len(rows),
            "inputs": inputs_digest(rows, *settings),
            "gaps": listed,
        }

    def _name(self, group: Group) -> str:
        series = f"_{_UNSAFE.sub('-', group.series)}" if group.series else ""
        label = self._request.to.label(group.start, group.end)
        return f"{self._archive.row.name}{series}_{label}.{self._request.form}"

    def _of_entry(
        self,
        group: Group,
        entry: dict[str, Any],
        rows: list[FileRow],
        outcome: Outcome,
        gaps: tuple[Gap, ...],
        *,
        joined: int = 0,
    ) -> OutputResult:
        notes = [
            *_suspects(rows),
            *(text.format(number) for key, text in _NOTES.items() if (number := entry.get(key, 0))),
        ]
        return self._result(
            group, entry["file"], outcome,
            gaps=gaps, files=entry["files"], joined=joined, records=entry["records"],
            listed=entry["records_before"], size=entry["size"], sha256=entry["sha256"],
            notes=tuple(notes),
        )  # fmt: skip

    def _result(self, group: Group, name: str, outcome: Outcome, **more: Any) -> OutputResult:
        return OutputResult(
            file=f"{self._below}/{name}", start=group.start, end=group.end, outcome=outcome, **more
        )


def _counted(rows: list[FileRow]) -> int | None:
    """The number of verified records; None if a file does not consist of lines, so that it is unknown."""
    if any(row.content not in LINES for row in rows):
        return None
    return sum(row.records or 0 for row in rows)


def _suspects(rows: list[FileRow]) -> Iterator[str]:
    """Notes on files that, according to the ledger, have records that are not JSON; these are copied unchanged."""
    found = [row for row in rows if row.state is SlotState.SUSPECT and row.message]
    for row in found[:_NAMED]:
        yield f"{row.name}: {row.message}; copied unchanged"
    if len(found) > _NAMED:
        yield f"and {len(found) - _NAMED:,} more files with lines that are not JSON"
