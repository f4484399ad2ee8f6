"""What a run reports while it is under way: small, frozen values that can be pickled.

``Archive.run(on_event=...)`` passes them on. Each has ``job``, the job's name; events of files have
``file`` as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from backhaul.errors import FailureKind
from backhaul.run.result import JobResult


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStarted:
    """It is the job's turn; the provider is asked first whether it is ready."""

    job: str
    source: str
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDone:
    """A file was fetched and verified, has its final name, and is in the ledger.

    Attributes:
        size: bytes as stored.
        sha256: of these bytes, in hex.
        records: how many it holds; None for a file that is not made of records.
        suspect: the provider marks it as doubtful, or some of its records cannot be parsed.
    """

    job: str
    file: str
    size: int
    sha256: str
    records: int | None
    suspect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFailed:
    """A file could not be fetched or verified; the others continue.

    Attributes:
        kind: what failed.
        message: for people.
        gap: the file was optional and is not there: a gap, and no failure of the job.
    """

    job: str
    file: str
    kind: FailureKind
    message: str
    gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksRenewed:
    """Links were refused, so the provider is asked for the list again.

    Attributes:
        round: how many times that has happened in this run of the job.
    """

    job: str
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is; a few each second while it is under way.

    Attributes:
        folder: where its files go; tells jobs of one name in two destinations apart.
        phase: what it is doing, in a word or two: ``asking``, ``listing``, ``fetching``; near its
            end how it ends: ``complete``, ``partial``.
        done: files that need nothing more.
        failed: how many of them failed, gaps left out.
        total: files of the job; None while that is not known.
        bytes: fetched so far, partial files included.
        rate: bytes per second since the job started.
        seconds_left: an estimate; None while there is none.
        waiting: why it does nothing, while there is no room on the disk; empty otherwise.
        ended: nothing is left to do.
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
    """The job has ended; each job has one, whether it had its turn or not."""

    job: str
    result: JobResult


Event: TypeAlias = JobStarted | FileDone | FileFailed | LinksRenewed | Progress | JobEnded
Listener: TypeAlias = Callable[[Event], object]
