"""Writes the tables that a provider derives from a job's files: CSV, and Parquet if pyarrow is installed."""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from backhaul import DamagedFileError
from backhaul.commands import HERE, moment, wording
from backhaul_rollup.book import Book, inputs_digest
from backhaul_rollup.formats import Format, is_usable
from backhaul_rollup.gaps import Gap, find_gaps
from backhaul_rollup.output import Output
from backhaul_rollup.provided import Provided, Table
from backhaul_rollup.request import Archive
from backhaul_rollup.result import Outcome, OutputResult, failed
from backhaul_rollup.values import storable

FOLDER = "tables"
_VERSION = 1
_BATCH = 20_000  # rows


def write_tables(
    archive: Archive, provided: Provided, *, allow_gaps: bool = False
) -> Iterator[OutputResult]:
    """Writes each table, unless it is up to date.

    Args:
        archive: the files.
        provided: the provider's additions, which include tables.
        allow_gaps: write tables even if existing data is missing from the archive.

    Raises:
        OSError: the manifest cannot be written.
        PluginError: the provider's code fails.
    """
    job = archive.job
    if job.folder is None:
        return
    rows = [row for row in job.files() if job.state_of(row)[0] in HERE]
    gaps = tuple(find_gaps(job, lambda _: ""))
    if not allow_gaps and any(gap.is_real for gap in gaps):
        yield OutputResult(file=FOLDER, outcome=Outcome.REFUSED, gaps=gaps)
        return
    folder = archive.out / FOLDER
    book = Book(folder, archive.store, FOLDER)
    listed = [gap.as_json() for gap in gaps]
    digest = inputs_digest(rows, _VERSION, is_usable(Format.PARQUET), listed)
    known = book.entries()
    if known and all(entry["inputs"] == digest for entry in known):
        yield from (_result(entry, Outcome.UP_TO_DATE, gaps) for entry in known)
        return
    try:
        for table in provided.tables(map(job.proven, job.ahead(rows))):
            folder.mkdir(parents=True, exist_ok=True)
            for entry in _write(folder, table):
                entry |= {"inputs": digest, "files": len(rows), "gaps": listed}
                book.put(entry)
                yield _result(entry, Outcome.WRITTEN, gaps)
    except (DamagedFileError, OSError) as error:
        outcome, message = failed(error)
        yield OutputResult(file=FOLDER, outcome=outcome, message=message)
    finally:
        book.save()


def _write(folder: Path, table: Table) -> Iterator[dict[str, Any]]:
    """Writes a table in all formats in one pass over its rows; returns their entries."""
    with ExitStack() as open_files:
        outputs = [open_files.enter_context(Output(folder / f"{table.name}.csv"))]
        writers: list[Any] = [_Csv(outputs[0], table)]
        if is_usable(Format.PARQUET):
            outputs.append(open_files.enter_context(Output(folder / f"{table.name}.parquet")))
            writers.append(_Parquet(outputs[1], table))
        count = 0
        try:
            rows = iter(table.rows)
            while batch := list(islice(rows, _BATCH)):
                count += len(batch)
                batch = [tuple(map(storable, row)) for row in batch]
                for writer in writers:
                    writer.add(batch)
        finally:
            for writer in writers:
                writer.close()
        for output in outputs:
            output.publish()
            yield {
                "file": output.path.name, "size": output.size, "sha256": output.sha256,
                "records": count, "columns": [[name, kind.__name__] for name, kind in table.columns],
                "notes": list(table.notes),
            }  # fmt: skip


class _Csv:
    """Comma-separated with a header and LF; times are ISO 8601 with ``Z``, missing values are empty."""

    def __init__(self, output: Output, table: Table) -> None:
        self._output = output
        self.add([tuple(name for name, _ in table.columns)])

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([_cell(value) for value in row] for row in rows)
        self._output.write(text.getvalue().encode())

    def close(self) -> None:
        pass


class _Parquet:
    def __init__(self, output: Output, table: Table) -> None:
        pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")  # an extra

        types = {
            str: pa.string(), int: pa.int64(), float: pa.float64(),
            datetime: pa.timestamp("us", tz="UTC"),
        }  # fmt: skip
        self._schema = pa.schema([(name, types[kind]) for name, kind in table.columns])
        self._pa: Any = pa
        self._writer: Any = pq.ParquetWriter(output, self._schema, compression="zstd")

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        arrays = [
            self._pa.array(values, type=field.type)
            for values, field in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _cell(value: Any) -> Any:
    return wording.iso(moment(int(value.timestamp()))) if isinstance(value, datetime) else value


def _result(entry: dict[str, Any], outcome: Outcome, gaps: tuple[Gap, ...]) -> OutputResult:
    return OutputResult(
        file=f"{FOLDER}/{entry['file']}", outcome=outcome, files=entry["files"],
        records=entry["records"], size=entry["size"], sha256=entry["sha256"], gaps=gaps,
        notes=tuple(entry["notes"]) if entry["file"].endswith(".csv") else (),
    )  # fmt: skip
