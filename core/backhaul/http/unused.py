"""The session of a provider that asks for none: requests takes longer to import than all of ours."""

from typing import Self

from backhaul.types import Pace


class UnusedHttp:
    """Stands where an ``Http`` would, for plugins of which no hook takes ``http``.

    Attributes:
        calls: made so far.
        clock_offset: as of ``Http``; never known.
    """

    calls = 0
    clock_offset: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keep_pace(self, pace: Pace) -> None:
        """Nothing is asked for."""

    def close(self) -> None:
        """Nothing to let go of."""
