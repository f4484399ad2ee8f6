"""Selects a job's files and slots by the start of their period, and by name."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self, TypeAlias

from backhaul.errors import ConfigError
from backhaul.moments import When, instant

if TYPE_CHECKING:
    from backhaul.types import RemoteFile

Names: TypeAlias = Iterable[str]
"""Names of jobs; none: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A filter; without arguments it selects everything.

    Attributes:
        since, until: selects periods that start in [since, until); if either is given, files without a
            period are not selected.
        include: globs, at least one of which must match the whole relative name; ``*`` also matches
            ``/``. If any are given, slots without a file are not selected.
        exclude: globs, none of which may match.
    """

    since: datetime | None = None
    until: datetime | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        since: When | None = None,
        until: When | None = None,
        include: tuple[str, ...] = (),
        exclude: tuple[str, ...] = (),
    ) -> Self:
        """Creates a selection from times as written in YAML. Raises ValueError."""
        return cls(
            since=None if since is None else instant(since),
            until=None if until is None else instant(until),
            include=include,
            exclude=exclude,
        )

    @property
    def is_all(self) -> bool:
        """Whether it selects everything."""
        return self == Selection()

    def takes_start(self, start: datetime | None) -> bool:
        """Whether a period that starts then is selected; None: no period."""
        if start is None:
            return self.since is None and self.until is None
        late_enough = self.since is None or start >= self.since
        return late_enough and (self.until is None or start < self.until)

    def takes_name(self, name: str | None) -> bool:
        """Whether a file of this name is selected; None: a slot without a file."""
        if name is None:
            return not self.include
        included = not self.include or any(fnmatchcase(name, glob) for glob in self.include)
        return included and not any(fnmatchcase(name, glob) for glob in self.exclude)

    def takes(self, name: str | None, start: datetime | None) -> bool:
        """Whether a file of this name, with a period that starts then, is selected."""
        return self.takes_start(start) and self.takes_name(name)

    def of_listing(self, files: "Iterable[RemoteFile]") -> "Iterator[RemoteFile]":
        """Yields the selected files of a list."""
        return (file for file in files if self.takes(file.name, file.start))

    def require_whole_queue(self) -> None:
        """Raises ConfigError unless everything is selected: a queue delivers its data once, in its own order."""
        if not self.is_all:
            raise ConfigError(
                "this job is a queue, which delivers its data only once and as a whole; leave out"
                " --since, --until, --include and --exclude, or select other jobs with --job"
            )

    def cut(
        self, start: datetime, end: datetime, every: timedelta | None
    ) -> tuple[datetime, datetime] | None:
        """Returns the selected part of a range of slots; None if there is none.

        ``every``: the length of a slot; None: the whole period is one slot.
        """
        if every is None:
            return (start, end) if self.takes_start(start) else None
        if self.since is not None and self.since > start:
            start += -(-(self.since - start) // every) * every
        if self.until is not None and self.until < end:
            end = min(end, start + -(-(self.until - start) // every) * every)
        return (start, end) if start < end else None


ALL = Selection()
"""Selects everything."""


def names_of(jobs: Names) -> tuple[str, ...]:
    """The job names; a single string is one name, not a sequence of characters."""
    return (jobs,) if isinstance(jobs, str) else tuple(jobs)
