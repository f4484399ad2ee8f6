"""The request for a roll-up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backhaul import Selection
from backhaul.commands import ContentLimits, Destination, JobRow, Ledger
from backhaul_rollup.formats import Format
from backhaul_rollup.period import Period
from backhaul_rollup.provided import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Options of a roll-up.

    Attributes:
        selection: which outputs are written, by the start of their period, and which files go into
            them, by name.
    """

    to: Period
    form: Format = Format.JSONL_GZ
    allow_gaps: bool = False
    selection: Selection = field(default_factory=Selection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A job's files.

    Attributes:
        ledger, row: what is known of them.
        folder: where they lie; None when nothing does.
        out: where the outputs go, ``<dest>/<job>.rollup`` as a rule.
        columns, series: as the provider declares them.
        limits: for gzip.
    """

    ledger: Ledger
    row: JobRow
    folder: Destination | None
    out: Path
    columns: Sequence[Column] = ()
    series: str = ""
    limits: ContentLimits = field(default_factory=ContentLimits)
