"""Roll-up formats and their requirements."""

from collections.abc import Sequence
from enum import StrEnum
from importlib.util import find_spec
from typing import Protocol

from backhaul import ConfigError, how_to_install
from backhaul.commands import FileRow, KnownJob
from backhaul_rollup.output import Output
from backhaul_rollup.provided import Column


class Format(StrEnum):
    """The format of a roll-up."""

    JSONL_GZ = "jsonl.gz"
    JSONL_ZST = "jsonl.zst"
    PARQUET = "parquet"


class Sink(Protocol):
    """A writer for the records of files."""

    records: int
    joined: int

    def add(self, job: KnownJob, row: FileRow) -> None:
        """Adds a file's records."""

    def finish(self) -> None:
        """Writes the rest."""

    def abandon(self) -> None:
        """Closes the sink; the output is discarded."""


_NEEDS = {Format.PARQUET: ("pyarrow", "parquet")}


def is_usable(form: Format) -> bool:
    """Whether the format's dependencies are installed."""
    need = _NEEDS.get(form)
    return need is None or find_spec(need[0]) is not None


def require(form: Format) -> None:
    """Raises ConfigError unless the format's dependencies are installed."""
    if not is_usable(form):
        module, extra = _NEEDS[form]
        raise ConfigError(
            f"--format {form} needs {module}: install it with `{how_to_install(extra)}`"
        )


def make_sink(form: Format, output: Output, columns: Sequence[Column]) -> Sink:
    """Creates the format's writer; loads its module lazily."""
    if form is Format.PARQUET:
        from backhaul_rollup.parquet_sink import ParquetSink  # noqa: PLC0415 - an extra

        return ParquetSink(output, columns)
    from backhaul_rollup.lines_sinks import GzipSink, ZstdSink  # noqa: PLC0415 - like the other

    return GzipSink(output) if form is Format.JSONL_GZ else ZstdSink(output)
