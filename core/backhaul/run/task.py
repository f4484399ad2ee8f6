"""A job under way: what it holds, and what is being done for it."""

import logging
import queue
import threading
from typing import TYPE_CHECKING, NamedTuple

from backhaul.errors import DiskError, FailureKind
from backhaul.events import LinksRenewed
from backhaul.foreign import line
from backhaul.ledger.lease import Lease
from backhaul.ledger.ledger import Ledger
from backhaul.run.id_set import IdSet
from backhaul.run.job import Job
from backhaul.storage.destination import Destination
from backhaul.storage.job import JobStorage, open_job
from backhaul.storage.workspace import Workspace
from backhaul.transfer.unit import Failure, Transfer
from backhaul.wording import count

log = logging.getLogger(__name__)

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


class Links:
    """A job's links that were refused.

    Attributes:
        waiting: files that a link of this listing round refused, and why; they wait for a fresh one.
        doubted: files that links of earlier listing rounds refused.
        healed: a link of this listing round brought something of a file that was refused before.
        in_a_row: how many were refused with no file between them.
        expired: this listing round was asked for since links were called expired.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, tuple[Transfer, Failure]] = {}
        self.doubted: dict[str, tuple[Transfer, Failure]] = {}
        self.healed = False
        self.in_a_row = 0
        self.expired = False

    def next_listing_round(self) -> None:
        """Fresh ones are asked for."""
        refusals = self.waiting.values()
        self.expired = any(why.kind is FailureKind.EXPIRED for _, why in refusals)
        self.doubted.update(self.waiting)
        self.waiting = {}
        self.healed = False
        self.in_a_row = 0


class Task:
    """A job under way, with all that it needs for that; ``close`` lets go of it.

    The driver's thread owns it; the job's own threads touch only ``commands``, ``has_capacity``,
    ``disk.has_capacity``, ``stop``, ``http``, ``provider``, ``destination``,
    ``workspace`` and what they are handed.

    Attributes:
        job: what the run knows of it whether it is under way or not.
        ledger: of its destination; others use it, too.
        lease: keeps other runs of the job out.
        provider, http: whose hooks are called, and the session that they are given.
        id: the job's in the ledger; 0: what lies under its name is another archive's.
        has_rows: the ledger knows files of it.
        priority: its transfers go before those of higher ranks.
        began: the time (monotonic) at which it was found to be ready; 0.0 before.
        thread_over: its thread has ended.
        open: names submitted and not yet ended.
        listing_round: how often the links were renewed.
        renew: fresh links are needed.
        progress: files that have arrived or gained bytes since the listing round began.
        seen, before: ledger ids that this listing round has listed, and that earlier listing rounds had.
        tried: ledger ids of files that have failed for good in this run, or were asked for again.
        older: of files that are open: what is asked for again, by name.
        gone: ledger ids of files that this run has found to be neither here nor listed any more.
        refused, streamed: names listed that cannot be used, and of files in pieces.
        parts: names of files whose transfers can be resumed.
        links: those that were refused.
        fingerprint: which archive it stands for; None until the provider has answered.
        here_before: bytes that were here when it began.
    """

    def __init__(
        self,
        job: Job,
        *,
        ledger: Ledger,
        lease: Lease,
        provider: "Provider",
        http: "Http | UnusedHttp",
        stop: threading.Event,
    ) -> None:
        self.job = job
        self.spec, self.key, self.order = job.spec, job.key, job.order
        self.counts, self.disk = job.counts, job.disk
        self.note, self.warn = job.note, job.warn
        self.ledger = ledger
        self.lease = lease
        self.provider = provider
        self.http = http
        self.stop = stop
        self._storage: JobStorage | None = None
        self.id = ledger.jobs.open(
            job.spec.name, source=job.spec.source, provider=job.spec.provider
        )
        self.has_rows = ledger.files.has_any(self.id)
        self.fingerprint: Fingerprint | None = None
        self.priority = (1 << 40) + job.order
        self.has_capacity = threading.Event()
        self.has_capacity.set()
        self.commands: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.began = 0.0
        self.here_before = 0
        self.thread_over = False
        self.renew = False
        self.listing_round = 0
        self.progress = 0
        self.links = Links()
        self.open: set[str] = set()
        self.seen = IdSet()
        self.tried = IdSet()
        self.before = IdSet()
        self.older: dict[str, Older] = {}
        self.gone: list[int] = []
        self.refused: set[str] = set()
        self.streamed: set[str] = set()
        self.parts: set[str] = set()

    @property
    def destination(self) -> Destination:
        """Where its files land; there from ``open_storage`` on. Raises DiskError before."""
        return self.storage.destination

    @property
    def workspace(self) -> Workspace:
        """Where its files are while they come; the same."""
        return self.storage.workspace

    @property
    def storage(self) -> JobStorage:
        """Both."""
        if self._storage is None:
            raise DiskError(f"job {self.spec.name} has no folder")
        return self._storage

    def open_storage(self, *, durable: bool) -> None:
        """The job is ready: opens its storage, and makes it when it is not there. Raises OSError.

        ``durable``: what is published in it outlives a power cut.
        """
        if self._storage is None:  # a call that had to wait is made again
            self._storage = open_job(self.spec.dest, self.spec.name, durable=durable)
        self.job.begun = True

    def close(self) -> None:
        """Lets go of all but the ledger; nothing of the job is under way any more."""
        if self._storage is not None:
            self._storage.destination.close()
        self.lease.release()
        self.http.close()

    def was_refused(self, kind: FailureKind, message: str) -> None:
        """Remembers that the provider refused to say or give more, or could not be reached."""
        if kind in _OF_PROVIDERS:
            self.ledger.jobs.save_refusal(self.id, kind.value, line(message))

    @property
    def hopeless(self) -> bool:
        """Whether fresh links have brought nothing so far."""
        return bool(self.listing_round) and not self.progress

    def next_listing_round(self) -> None:
        """Has its thread list all again, with fresh links."""
        log.info(
            "%s: renewing the links of %s", self.spec.name, count(len(self.links.waiting), "file")
        )
        self.renew = False
        self.listing_round += 1
        if self.job.tell is not None:
            self.job.tell(LinksRenewed(job=self.spec.name, round=self.listing_round))
        self.progress = 0
        self.links.next_listing_round()
        self.before.update(self.seen)
        self.seen.clear()
        self.job.listing = True
        self.commands.put("listing_round")

    def settle(self) -> None:
        """Ends the job once its thread has ended and nothing of it is under way any more."""
        job = self.job
        thread_over = job.ending or job.dead or job.not_ready or self.stop.is_set()
        if thread_over and not (job.listing or self.open or job.streams):
            job.ended = True
