"""A job of the run, from before it starts until after it ends."""

import threading
import time
from typing import TYPE_CHECKING

from backhaul.errors import FailureKind, FailureReport
from backhaul.events import FileDone, FileFailed, JobStarted, Listener
from backhaul.foreign import line
from backhaul.storage.job import url_of
from backhaul.types import Content, JobStatus, RemoteFile

if TYPE_CHECKING:
    from backhaul.config import JobSpec

_WARNINGS = 100  # maximum warnings kept per job
_STOPPED = {
    FailureKind.INTERRUPTED: "interrupted; run again to continue",
    FailureKind.TIME_LIMIT: "time limit reached; run again to continue",
}


class Counts:
    """Counts of a job's files in this run.

    Attributes:
        listed: listed by the provider.
        skipped: already present.
        fetched: fetched.
        bytes: total size of the fetched files.
        replaced: replaced by a newer version.
        failed: could not be fetched.
        gaps: failed, but optional.
        not_asked: could not be requested again; their present copies stay verified.
    """

    __slots__ = ("bytes", "failed", "fetched", "gaps", "listed", "not_asked", "replaced", "skipped")

    def __init__(self) -> None:
        self.listed = self.skipped = self.fetched = self.bytes = 0
        self.replaced = self.failed = self.gaps = self.not_asked = 0


class DiskWait:
    """A job's wait for disk space.

    Attributes:
        has_capacity: set while there is space; chunked files wait for it before requesting more.
        text: a message while the job waits; otherwise empty.
        seconds: total time of completed waits.
        streams: number of chunked files that are waiting.
    """

    def __init__(self) -> None:
        self.has_capacity = threading.Event()
        self.has_capacity.set()
        self.text = ""
        self.seconds = 0.0
        self.streams = 0

    def begin(self) -> None:
        """A chunked file starts to wait; on the driver's thread, like ``end``."""
        self.streams += 1

    def end(self) -> None:
        """A chunked file stops waiting."""
        self.streams -= 1


class Turn:
    """When a job runs, if not all can run at the same time.

    Attributes:
        at: the earliest time (monotonic) at which it may start.
        over: it steps back as soon as its thread has ended.
        pause: seconds before the provider is asked again whether the job is ready.
        scarce_since: since when it has been waiting for descriptors.
    """

    def __init__(self) -> None:
        self.at = 0.0
        self.over = False
        self.pause = 5.0
        self.scarce_since: float | None = None


class Job:
    """The state of a job; owned by the driver's thread.

    Attributes:
        spec: its configuration.
        key: its id for the engine; names may occur in two destinations.
        folder: where its files are.
        tell: receives the job's events; None for no listener.
        tell_done: receives the events of complete files; None if they are not wanted.
        status: the provider's last answer; None before the first.
        counts: counts of its files.
        disk: its wait for disk space.
        turn: when it runs.
        started: the time (monotonic) from which its wait counts.
        begun: it was ready, and its files are being listed or fetched.
        listing: its thread is querying the provider.
        listed_whole: the provider's listing was read to its end.
        streams: chunked files, active or queued.
        ending: everything listed is done, and the thread was told to end.
        not_ready: the provider needs longer than the job may wait.
        dead: it cannot continue.
        ended: none of its work is left.
        late: a warning was given that it is unlikely to complete in time.
        notes: failures of the job, and of files without a row in the ledger.
        warnings: the first warnings for the user; ``more_warnings``: the number of further ones.
    """

    def __init__(
        self, spec: "JobSpec", *, order: int, tell: Listener | None = None, tell_files: bool = True
    ) -> None:
        self.spec = spec
        self.tell = tell
        self.tell_done = tell if tell_files else None
        self._started = False
        self.order = order
        self.key = f"{order}:{spec.name}"
        self.folder = url_of(spec.dest, spec.name)
        self.status: JobStatus | None = None
        self.counts = Counts()
        self.disk = DiskWait()
        self.turn = Turn()
        self.started = time.monotonic()
        self.begun = self.listing = self.listed_whole = False
        self.streams = 0
        self.ending = self.not_ready = self.dead = self.ended = self.late = False
        self.notes: list[FailureReport] = []
        self.warnings: list[str] = []
        self.more_warnings = 0

    def note(self, kind: FailureKind, message: str, *, file: str | None = None) -> None:
        """Records a failure of the job, or of a file without a row in the ledger."""
        self.notes.append(FailureReport(file=file, kind=kind, message=line(message)))
        if file is not None:
            self.tell_failed(file, kind, line(message))

    def note_stop(self, kind: FailureKind) -> None:
        """Records that the run was stopped before the job had ended."""
        self.note(kind, _STOPPED[kind])
        if self.disk.text:
            self.warn(self.disk.text)

    def tell_started(self) -> None:
        """The job starts; sent once, even if it steps back and starts again."""
        if self.tell is not None and not self._started:
            self._started = True
            spec = self.spec
            self.tell(
                JobStarted(
                    job=spec.name,
                    folder=self.folder,
                    source=spec.source.name,
                    provider=spec.source.provider,
                )
            )

    def done_event(self, file: RemoteFile, content: Content) -> FileDone:
        """The event for a complete file."""
        return FileDone(
            job=self.spec.name,
            folder=self.folder,
            file=file.name,
            size=content.size,
            sha256=content.sha256,
            records=content.records,
            suspect=file.suspect or bool(content.bad_records),
        )

    def tell_failed(self, file: str, kind: FailureKind, message: str, *, gap: bool = False) -> None:
        """A file of the job failed."""
        if self.tell is not None:
            self.tell(
                FileFailed(
                    job=self.spec.name,
                    folder=self.folder,
                    file=file,
                    kind=kind,
                    message=message,
                    gap=gap,
                )
            )

    def warn(self, message: str) -> None:
        """Records a warning for the user, once; beyond a limit, only their number."""
        text = line(message)
        if text in self.warnings:
            return
        if len(self.warnings) < _WARNINGS:
            self.warnings.append(text)
        else:
            self.more_warnings += 1
