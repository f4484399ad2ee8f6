"""Selects a job's files from an archive's list, by name and time, and names them."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from backhaul import NotDataError, RemoteFile, Slots
from backhaul_http_archives.adopting import other_names
from backhaul_http_archives.listed_options import ListedJob, ListedKeys
from backhaul_http_archives.template import Template
from backhaul_http_archives.windows import Window

log = logging.getLogger(__name__)

Slot = tuple[datetime, datetime]
Undated = tuple[None, None]
UNDATED: Undated = (None, None)
"""The period of a file that may belong to any slot; while a job has one, no slot is silent."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of a source's listing that a job includes, at a given time.

    Attributes:
        source: defines how files are named and dated.
        job: defines which are included.
        now: slots that end later are not due.
    """

    source: ListedKeys
    job: ListedJob
    now: datetime

    @property
    def end(self) -> datetime:
        """The end of the job's period, which may be in the future."""
        return self.now if self.job.end is None else self.job.end.at(self.now)

    def slots(self) -> tuple[Slots, ...]:
        """The slots of the job's period, if files have a time."""
        every = self.source.slot or self.source.period
        if self.job.start is None or every is None:
            return ()
        start, lag = self.job.start.at(self.now), self.source.lag
        return Window.of(every, start, self.end, lag=lag, now=self.now).runs(lag)

    def is_due(self, period: Slot | None) -> bool:
        """Whether a list must exist by now: whether a slot of its period is due."""
        every = self.source.slot or self.source.period
        if period is None or every is None or self.job.start is None:
            return True
        first = every.ceil(max(period[0], self.job.start.at(self.now)))
        last = min(period[1], self.end)
        return first < last and every.after(first) + self.source.lag <= self.now

    def places(self, place: Template) -> Iterator[tuple[str, Slot | None]]:
        """URL and period of each list whose period overlaps the job's."""
        every = self.source.period
        if every is None or self.job.start is None:
            yield place.fill(self.now, self.now), None
            return
        until = min(self.end, self.now)
        for start, end in every.slots(every.floor(self.job.start.at(self.now)), until):
            yield place.fill(start, end), (start, end)

    def stored_name(self, name: Template, slot: Slot | Undated, texts: Mapping[str, str]) -> str:
        """The name under which a listed file is stored; as listed if it needs a time and there is none.

        Args:
            name: the source's template, with the job's values.
            slot: the file's period.
            texts: ``name``, as listed, and the template's other fields.
        """
        start, end = slot
        if start is None and name.has_times:
            return texts["name"]
        return name.fill(start or self.now, end or self.now, texts)

    def named(self, file: RemoteFile, path: str, texts: Mapping[str, str]) -> RemoteFile:
        """The file with the names under which other tools may have stored it."""
        file.aliases = other_names(self.job.adopt, file, path, texts)
        return file

    def wants(self, name: str) -> bool:
        """Whether ``include`` and ``exclude`` select a name."""
        include, exclude = self.source.include, self.source.exclude
        if not include and not exclude:
            return True
        return (not include or _matches(name, include)) and not _matches(name, exclude)

    def slot(self, name: str, where: str) -> Slot | Undated | None:
        """The slot according to the name, or else the URL; None if it is not due or not included.

        UNDATED if the name has a time that does not exist.
        """
        source = self.source
        assert source.start is not None  # noqa: S101 - checked by the caller
        assert source.slot is not None  # noqa: S101 - checked by the options
        found = source.start.search(name) or source.start.search(where)
        if found is None:
            return None
        text = found["start"] or ""
        try:
            start = datetime.strptime(text, source.start_format or "")  # noqa: DTZ007 - below
            start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
            step = source.slot.step
            end = start + step if step is not None else source.slot.after(source.slot.floor(start))
            due = end + source.lag
        except (ValueError, OverflowError):
            log.warning(
                "%s: %r is not a time in start_format, so the file belongs to no slot;"
                " if it is no file of the archive, name it in exclude",
                name,
                text,
            )
            return UNDATED
        if due > self.now:
            return None
        if self.job.start is not None and not self.job.start.at(self.now) <= start < self.end:
            return None
        return start, end


def check_name(names: dict[int, int], file: RemoteFile, where: str) -> None:
    """Raises NotDataError if another file of the job has the same name.

    Args:
        names: hashes of previous names, to save memory; updated.
        file: the next file.
        where: what distinguishes the files, such as the URL.
    """
    place = hash(where)
    if names.setdefault(hash(file.name), place) != place:
        raise NotDataError(
            f"two listed files are both named {file.name[:80]!r}; write a unique name for the"
            ' source, such as name: "{path}"'
        )


def _matches(name: str, patterns: list[str]) -> bool:
    """Whether a pattern matches the name, with or without its folders."""
    last = name.rpartition("/")[2]
    return any(fnmatchcase(name, each) or fnmatchcase(last, each) for each in patterns)
