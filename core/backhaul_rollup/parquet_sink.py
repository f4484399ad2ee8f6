"""Parquet: each record unchanged, with the provider's key columns."""

from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from backhaul import DamagedFileError
from backhaul.commands import FileRow, KnownJob
from backhaul_rollup.output import Output
from backhaul_rollup.provided import Column
from backhaul_rollup.values import Keys

_GROUP_BYTES = 16 << 20  # of text per row group; limits memory use
_GROUP_ROWS = 100_000
RAW = "raw"


class ParquetSink:
    """Writes Parquet, with a row group for every 16 MiB of text.

    Attributes:
        records: number of rows written so far.
        joined: always 0.
        replaced: number of records that were not UTF-8; ``raw`` has U+FFFD for their invalid bytes.
    """

    @property
    def halves(self) -> int:
        """Number of key values in which U+FFFD replaces unpaired surrogates."""
        return self._keys.replaced

    def __init__(self, output: Output, columns: Sequence[Column]) -> None:
        pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")  # an extra

        self._keys = Keys(columns)
        time = pa.timestamp("us", tz="UTC")
        self._schema = pa.schema(
            [
                *((name, time if name == "time" else pa.string()) for name in self._keys.names),
                (RAW, pa.string()),
            ]
        )
        self._pa: Any = pa
        # No dictionary for values that rarely repeat: pyarrow would build one and discard it every time.
        self._writer: Any = pq.ParquetWriter(
            output, self._schema, compression="zstd", use_dictionary=["kind", "author"]
        )
        self._rows: list[tuple[Any, ...]] = []
        self._raw: list[str] = []
        self._held = 0
        self.records = 0
        self.joined = 0
        self.replaced = 0

    def add(self, job: KnownJob, row: FileRow) -> None:
        """Add a file's records. Raises DamagedFileError, OSError."""
        for text in job.lines(row):
            for line in text.split(b"\n")[:-1]:
                self._add(line.strip())

    def finish(self) -> None:
        """Write the buffered rows and the footer."""
        self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """Close an output that will be discarded; pyarrow still writes its footer."""
        with suppress(Exception):
            self._writer.close()

    def _add(self, line: bytes) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode(errors="replace")
            self.replaced += 1
        self._rows.append(self._keys.of(text))
        self._raw.append(text)
        self._held += len(line)
        if self._held >= _GROUP_BYTES or len(self._raw) >= _GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._raw:
            return
        columns = [*zip(*self._rows, strict=True)] if self._keys.names else []
        try:
            arrays = [
                self._pa.array(values, type=field.type)
                for values, field in zip([*columns, self._raw], self._schema, strict=True)
            ]
            table = self._pa.Table.from_arrays(arrays, schema=self._schema)
            self._writer.write_table(table, row_group_size=len(self._raw))
        except (self._pa.ArrowException, ValueError, OverflowError) as error:
            raise DamagedFileError("a record", f"cannot be stored in Parquet: {error}") from None
        self.records += len(self._raw)
        self._rows.clear()
        self._raw.clear()
        self._held = 0
