"""One job of the run: what it is, how far it is."""

import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from backhaul.errors import BackhaulError, FailureKind
from backhaul.foreign import line
from backhaul.frozen import dataclass
from backhaul.ledger.lease import Lease
from backhaul.ledger.ledger import Ledger
from backhaul.run.result import FailureNote
from backhaul.run.seen import Seen
from backhaul.storage.folder import JobFolder
from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import JobStatus

if TYPE_CHECKING:
    from backhaul.archive.fingerprint import Fingerprint
    from backhaul.http.session import Http
    from backhaul.http.unused import UnusedHttp
    from backhaul.plugins.facade import Provider


_OF_PROVIDERS = frozenset(
    {
        FailureKind.DENIED,
        FailureKind.EXPIRED,
        FailureKind.FAILED,
        FailureKind.NOT_DATA,
        FailureKind.NOT_FOUND,
        FailureKind.SKEWED,
        FailureKind.THROTTLED,
        FailureKind.TIMEOUT,
        FailureKind.UNREACHABLE,
        FailureKind.CONFIG,  # what the YAML names is not there
    }
)
_WARNINGS = 100  # that are kept a job


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """What the run needs to know of a job.

    Attributes:
        name: the job's name, its folder below ``dest``.
        source: the source's name.
        provider: the provider's name.
        source_options, job_options: validated options for the hooks.
        dest: the destination folder.
        wait: seconds to wait for the job to become ready.
        accept_unproven: whether files are kept of which nothing shows where they end.
        plugin_error: why the plugin cannot be used, if so.
        siblings: names of all configured jobs of the destination.
        same_archive: what lies under its name is its own, whatever account or id was there before.
    """

    name: str
    source: str
    provider: str
    source_options: Any
    job_options: Any
    dest: Path
    wait: float = 0.0
    accept_unproven: bool = False
    plugin_error: BackhaulError | None = None
    siblings: frozenset[str] = frozenset()
    same_archive: bool = False


class Older(NamedTuple):
    """What is known of a file that is asked for again though bytes of it were proven once.

    Attributes:
        id: its row in the ledger.
        sha256: of these bytes; None: none were proven.
        here: they are what is listed, and stay verified if nothing comes.
    """

    id: int
    sha256: str | None
    here: bool


class DiskWait:
    """A job's wait for room on the disk.

    Attributes:
        room: set while there is room; chunked files ask for more only then.
        text: for people, while the job waits; else empty.
        seconds: how long it has waited so far, except for a wait that is not over.
        streams: chunked files that would ask for more now.
    """

    def __init__(self) -> None:
        self.room = threading.Event()
        self.room.set()
        self.text = ""
        self.seconds = 0.0
        self.streams = 0

    def begin(self) -> None:
        """A chunked file waits; on the driver's thread, like ``end``."""
        self.streams += 1

    def end(self) -> None:
        """It waits no more."""
        self.streams -= 1


class Turn:
    """When a job is under way, where not all can be at once.

    Attributes:
        at: the time (monotonic) from which it may begin.
        over: it gives its place to others as soon as its thread has ended.
        pause: seconds until the provider is asked again whether the job is ready.
        scarce_since: since when there are no descriptors for it.
    """

    def __init__(self) -> None:
        self.at = 0.0
        self.over = False
        self.pause = 5.0
        self.scarce_since: float | None = None


class Links:
    """A job's links that were refused.

    Attributes:
        waiting: files that a link of this wave refused, and why; they wait for a fresh one.
        doubted: files that links of earlier waves refused.
        healed: a link of this wave brought something of a file that was refused before.
        in_a_row: how many were refused with no file between them.
        expired: this wave was asked for since links were called expired.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, tuple[Transfer, Failure]] = {}
        self.doubted: dict[str, tuple[Transfer, Failure]] = {}
        self.healed = False
        self.in_a_row = 0
        self.expired = False

    def next_wave(self) -> None:
        """Fresh ones are asked for."""
        refusals = self.waiting.values()
        self.expired = any(why.kind is FailureKind.EXPIRED for _, why in refusals)
        self.doubted.update(self.waiting)
        self.waiting = {}
        self.healed = False
        self.in_a_row = 0


class Task:
    """A job under way.

    The driver's thread owns it; the job's own threads touch only ``orders``, ``room``,
    ``disk.room``, ``stop`` and what they are handed.

    Attributes:
        key: what the engine knows it by; names may occur in two destinations.
        listing: its thread is asking the provider.
        open: names submitted and not yet ended.
        wave: how often the links were renewed.
        progress: files that have arrived or gained bytes since the wave began.
        seen, before: ledger ids that this wave has listed, and that earlier waves had.
        tried: ledger ids of files that have failed for good in this run, or were asked for again.
        older: of files that are open: what is asked for again, by name.
        gone: ledger ids of files that this run has found to be neither here nor listed any more.
        refused, streamed: names listed that cannot be used, and of files in pieces.
        links: those that were refused.
        gaps: how many of those that failed may be missing.
        fingerprint: which archive it stands for; None until the provider has answered.
        replaced: files in whose place another version has come.
        not_asked: files that could not be asked for again; what is here of them stays verified.
        disk: whether it has to wait for room on the disk.
        turn: when it is its turn.
    """

    def __init__(self, spec: TaskSpec, *, order: int) -> None:
        self.spec = spec
        self.order = order
        self.key = f"{order}:{spec.name}"
        self.rank = (1 << 40) + order
        self.provider: Provider | None = None
        self.http: Http | UnusedHttp | None = None
        self.ledger: Ledger | None = None
        self.lease: Lease | None = None
        self.folder: JobFolder | None = None
        self.id, self.has_rows = 0, False
        self.fingerprint: Fingerprint | None = None
        self.thread: threading.Thread | None = None
        self.stop = threading.Event()
        self.room = threading.Event()
        self.room.set()
        self.disk = DiskWait()
        self.orders: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.status: JobStatus | None = None
        self.listing = False
        self.listed_whole = False
        self.ended = False
        self.ending = False
        self.not_ready = False
        self.dead = False
        self.renew = False
        self.wave = 0
        self.progress = 0
        self.links = Links()
        self.open: set[str] = set()
        self.streams = 0
        self.seen = Seen()
        self.tried = Seen()
        self.before = Seen()
        self.older: dict[str, Older] = {}
        self.gone: list[int] = []
        self.refused: set[str] = set()
        self.streamed: set[str] = set()
        self.parts: set[str] = set()
        self.listed = self.listed_bytes = 0
        self.skipped = self.fetched = self.replaced = self.not_asked = 0
        self.failed = self.gaps = 0
        self.bytes_fetched = 0
        self.notes: list[FailureNote] = []
        self.warnings: list[str] = []
        self.more_warnings = 0
        self.turn = Turn()
        self.started = time.monotonic()
        self.began = 0.0
        self.here_before = 0
        self.late = False

    def note(self, kind: FailureKind, message: str, *, file: str | None = None) -> None:
        """Remembers a failure of the job, or of a file that has no row in the ledger."""
        self.notes.append(FailureNote(file=file, kind=kind, message=clean(message)))

    def was_refused(self, kind: FailureKind, message: str) -> None:
        """Remembers that the provider refused to say or give more, or could not be reached."""
        if kind in _OF_PROVIDERS and self.ledger is not None:
            self.ledger.jobs.save_refusal(self.id, kind.value, clean(message))

    def warn(self, message: str) -> None:
        """Remembers, once, what a person should know; of very many, the first and their number."""
        text = clean(message)
        if text in self.warnings:
            return
        if len(self.warnings) < _WARNINGS:
            self.warnings.append(text)
        else:
            self.more_warnings += 1

    @property
    def hopeless(self) -> bool:
        """Whether fresh links have brought nothing so far."""
        return bool(self.wave) and not self.progress

    def next_wave(self) -> None:
        """Has its thread list all again, with fresh links."""
        self.renew = False
        self.wave += 1
        self.progress = 0
        self.links.next_wave()
        self.before.update(self.seen)
        self.seen.clear()
        self.listing = True
        self.orders.put("wave")

    def settle(self) -> None:
        """Ends the job once its thread has ended and nothing of it is under way any more."""
        thread_over = self.ending or self.dead or self.not_ready or self.stop.is_set()
        if thread_over and not (self.listing or self.open or self.streams):
            self.ended = True


def clean(text: str) -> str:
    """A text from outside as it may be kept; see ``foreign.line``."""
    return line(text)
