"""The request for a roll-up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backhaul import Selection
from backhaul.commands import Beside, JobRow, KnownJob
from backhaul_rollup.formats import Format
from backhaul_rollup.period import Period
from backhaul_rollup.provided import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupRequest:
    """Options of a roll-up.

    Attributes:
        selection: the outputs to write, by the start of their period, and the files to include, by name.
    """

    to: Period
    form: Format = Format.JSONL_GZ
    allow_gaps: bool = False
    selection: Selection = field(default_factory=Selection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A job's files, and the location of the outputs.

    Attributes:
        job: the job.
        row: its row in the ledger.
        out: the folder for outputs, usually ``<dest>/<job>.rollup``.
        store: where they are stored, if that is an object store; ``out`` is then in its workspace.
        columns, series: as the provider declares them.
    """

    job: KnownJob
    row: JobRow
    out: Path
    store: Beside | None = None
    columns: Sequence[Column] = ()
    series: str = ""
