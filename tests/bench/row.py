"""A row of the table: the work, both sides, their speed, and whether the target is met."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.measure import Measured
from tests.bench.versus import Versus, cpu, memory, wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A target and its measurement.

    Attributes:
        number: of the target.
        work: what both sides did.
        against: the program we are compared with.
        ours, theirs: the numbers of each side, human-readable.
        reached: the measured value.
        limit: the required value.
        passed: whether the target is met; None: not measured, ``note`` says why.
        note: a remark.
    """

    number: int
    work: str
    against: str
    ours: str = ""
    theirs: str = ""
    reached: str = ""
    limit: str = ""
    passed: bool | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Pass, falls short, or not measured."""
        if self.passed is None:
            return "not measured"
        return "pass" if self.passed else "falls short"


def compared(
    number: int,
    pair: Versus,
    *,
    work: str,
    against: str,
    files: int,
    limit: float | None,
    note: str = "",
) -> Row:
    """The row of a comparison by wall time; without a limit, it is only shown."""
    low, high = pair.spread
    return Row(
        number=number,
        work=work,
        against=against,
        ours=numbers(pair.ours, files),
        theirs=numbers(pair.theirs, files),
        reached=f"{pair.ratio:.2f} ({low:.2f} to {high:.2f})",
        limit="no target" if limit is None else f"at most {limit:g}",
        passed=limit is None or pair.ratio <= limit,
        note=note,
    )


def numbers(runs: Sequence[Measured], files: int) -> str:
    """Median wall and processor time, files per second, and the largest peak of memory."""
    rate = files / wall(runs)
    speed = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
    peak = memory(runs) / 1e6
    return f"{wall(runs):.2f} s, {speed} files/s, CPU {cpu(runs):.2f} s, {peak:.0f} MB"
