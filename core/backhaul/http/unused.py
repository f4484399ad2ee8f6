"""A placeholder session for providers that need none: importing requests is slow."""

from typing import Self

from backhaul.http.pacing import SourcePace


class UnusedHttp:
    """Replaces ``Http`` for plugins whose hooks do not take ``http``.

    Attributes:
        calls: always 0.
        clock_offset: always None.
        unended: always empty.
    """

    calls = 0
    clock_offset: float | None = None
    unended = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keep_pace(self, pace: SourcePace) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""
