"""Runs both sides in turn, so that other load affects both; medians and ratios."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.measure import Measured

Side = Callable[[], Measured]


@dataclass(frozen=True, slots=True)
class Versus:
    """Runs of both sides, in pairs."""

    ours: Sequence[Measured]
    theirs: Sequence[Measured]

    @property
    def ratio(self) -> float:
        """Our median wall time over theirs."""
        return wall(self.ours) / wall(self.theirs)

    @property
    def cpu_ratio(self) -> float:
        """The same for processor time."""
        return cpu(self.ours) / cpu(self.theirs)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the largest ratio of a pair."""
        pairs = [mine.wall / other.wall for mine, other in zip(self.ours, self.theirs, strict=True)]
        return min(pairs), max(pairs)


def alternate(ours: Side, theirs: Side, *, rounds: int) -> Versus:
    """In the order A, B, B, A, A, B..., so that each side is first equally often."""
    mine: list[Measured] = []
    other: list[Measured] = []
    for number in range(rounds):
        turns = [(ours, mine), (theirs, other)]
        for side, results in turns if number % 2 == 0 else reversed(turns):
            results.append(side())
    return Versus(mine, other)


def wall(runs: Sequence[Measured]) -> float:
    """Median of the wall times, seconds."""
    return median(run.wall for run in runs)


def cpu(runs: Sequence[Measured]) -> float:
    """Median of the processor times, seconds."""
    return median(run.cpu for run in runs)


def memory(runs: Sequence[Measured]) -> int:
    """The largest peak of memory, bytes."""
    return max(run.memory for run in runs)
