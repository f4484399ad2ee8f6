"""The events of a run: small, frozen, picklable values.

``Archive.run(on_event=...)`` passes them on. Each has ``job``, the job's name, and ``folder``, where
its files are, which differs for jobs of the same name in two destinations; file events have ``file``
as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from backhaul.errors import FailureKind
from backhaul.run.result import JobResult


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStarted:
    """The job has started; the first step is to ask the provider whether it is ready.

    Attributes:
        job, source, provider: as in the YAML.
        folder: path or URL of the job's files.
    """

    job: str
    folder: str
    source: str
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDone:
    """A file was fetched and verified, has its final name, and is in the ledger.

    Attributes:
        size: bytes as stored.
        sha256: hex digest of these bytes.
        records: number of records; None if the file does not consist of records.
        suspect: whether the provider marks the file as doubtful, or some of its records cannot be parsed.
    """

    job: str
    folder: str
    file: str
    size: int
    sha256: str
    records: int | None
    suspect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFailed:
    """A file could not be fetched or verified; the other files continue.

    Attributes:
        kind: the kind of failure.
        message: one line, human-readable.
        gap: whether it is an optional file that does not exist, which does not fail the job.
    """

    job: str
    folder: str
    file: str
    kind: FailureKind
    message: str
    gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksRenewed:
    """Links were refused, so the provider is asked for a new list.

    Attributes:
        round: how many times the job's links have been renewed in this run, including this one.
    """

    job: str
    folder: str
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A job's progress, reported several times a second while it runs.

    Attributes:
        phase: what the job is doing (``asking``, ``listing``, ``fetching``) or, near the end, its outcome
            (``complete``, ``partial``).
        done: number of finished files.
        failed: how many of these failed, not counting gaps.
        total: number of files of the job; None while unknown.
        bytes: bytes fetched so far, including partial files.
        rate: average bytes per second since the job started.
        seconds_left: estimated time left; None while unknown.
        waiting: why the job is paused while the disk is full; empty otherwise.
        ended: whether the job has ended.
    """

    job: str
    folder: str
    phase: str
    done: int
    failed: int
    total: int | None
    bytes: int
    rate: float
    seconds_left: float | None
    waiting: str
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded:
    """The job has ended; every job has this event, even if it never started.

    Attributes:
        result: its result.
    """

    job: str
    folder: str
    result: JobResult


Event: TypeAlias = JobStarted | FileDone | FileFailed | LinksRenewed | Progress | JobEnded
"""Any of the events."""
Listener: TypeAlias = Callable[[Event], object]


def wants_files(listener: Listener | None) -> bool:
    """Whether a listener takes an event for each complete file; not if its ``files`` is False."""
    return listener is not None and bool(getattr(listener, "files", True))


def both(one: Listener | None, other: Listener | None) -> Listener | None:
    """A listener that passes events on to two; None if there is none."""
    if one is None or other is None:
        return one or other
    return _Both(one, other)


class _Both:
    def __init__(self, first: Listener, second: Listener) -> None:
        self._first = first
        self._second = second
        self.files = wants_files(first) or wants_files(second)

    def __call__(self, event: Event) -> None:
        self._first(event)
        self._second(event)
