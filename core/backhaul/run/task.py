"""A running job: its resources and its work."""

import logging
import queue
import threading
from typing import TYPE_CHECKING, NamedTuple

from backhaul.errors import DiskError, FailureKind
from backhaul.events import LinksRenewed
from backhaul.foreign import line
from backhaul.ledger.ledger import Ledger
from backhaul.run.id_set import IdSet
from backhaul.run.job import Job
from backhaul.storage.destination import Destination, JobLease
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
        FailureKind.CONFIG,  # what the YAML names does not exist
    }
)


class EarlierVersion(NamedTuple):
    """The earlier version of a file that is requested again.

    Attributes:
        id: its row in the ledger.
        sha256: of the verified bytes; None if there never were any.
        here: the present bytes match the listing and stay verified if the request fails.
    """

    id: int
    sha256: str | None
    here: bool


class Links:
    """A job's refused links.

    Attributes:
        waiting: files whose link was refused in this listing round, with the failure; they wait for a
            fresh link.
        doubted: files whose links were refused in earlier listing rounds.
        healed: a link of this listing round delivered data of a file that was refused before.
        in_a_row: number of consecutive refusals.
        expired: this listing round was started because links were called expired.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, tuple[Transfer, Failure]] = {}
        self.doubted: dict[str, tuple[Transfer, Failure]] = {}
        self.healed = False
        self.in_a_row = 0
        self.expired = False

    def next_listing_round(self) -> None:
        """Resets the state for a listing round with fresh links."""
        refusals = self.waiting.values()
        self.expired = any(why.kind is FailureKind.EXPIRED for _, why in refusals)
        self.doubted.update(self.waiting)
        self.waiting = {}
        self.healed = False
        self.in_a_row = 0


class Task:
    """A running job with its resources; ``close`` releases them.

    Owned by the driver's thread. The job's own threads use only ``commands``, ``has_capacity``,
    ``disk.has_capacity``, ``stop``, ``http``, ``provider``, ``destination``, ``workspace`` and their
    arguments.

    Attributes:
        job: the job's state, which outlives the task.
        ledger: the destination's ledger, shared with other jobs.
        lease: keeps other runs of the job out; None once it was released or taken away.
        snapshot: the digest of the job's snapshot in the store; None if there is none.
        provider, http: the hooks, and the session passed to them.
        id: the job's id in the ledger; 0 if another archive is stored under its name.
        has_rows: the ledger has files of the job.
        priority: of its transfers; lower values go first.
        began: the time (monotonic) at which it was found to be ready; 0.0 before.
        thread_over: its thread has ended.
        open: names submitted but not finished.
        listing_round: how often the links were renewed.
        renew: fresh links are needed.
        progress: files that arrived or gained bytes in this listing round.
        seen, before: ledger ids listed in this listing round, and in earlier ones.
        tried: ledger ids of files that failed for good in this run, or were requested again.
        replaceable: names of files to fetch that were once verified: what has the name may be replaced.
        older: earlier versions of open files that are requested again, by name.
        gone: ledger ids of files first found in this run to be neither present nor listed.
        refused, streamed: listed names that cannot be used, and those of chunked files.
        parts: names of files whose transfers can be resumed.
        links: its refused links.
        fingerprint: which archive it stands for; None until the provider has answered.
        here_before: bytes that were present when it started.
    """

    def __init__(
        self,
        job: Job,
        *,
        ledger: Ledger,
        lease: JobLease,
        provider: "Provider",
        http: "Http | UnusedHttp",
        stop: threading.Event,
        snapshot: str | None = None,
    ) -> None:
        self.job = job
        self.spec, self.key, self.order = job.spec, job.key, job.order
        self.counts, self.disk = job.counts, job.disk
        self.note, self.warn = job.note, job.warn
        self.ledger = ledger
        self.lease: JobLease | None = lease
        self.snapshot = snapshot
        self.provider = provider
        self.http = http
        self.stop = stop
        self._storage: JobStorage | None = None
        self.id = ledger.jobs.open(
            job.spec.name, source=job.spec.source.name, provider=job.spec.source.provider
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
        self.replaceable: set[str] = set()
        self.older: dict[str, EarlierVersion] = {}
        self.gone: list[int] = []
        self.refused: set[str] = set()
        self.streamed: set[str] = set()
        self.parts: set[str] = set()

    @property
    def destination(self) -> Destination:
        """Where its files are published. Raises DiskError before ``open_storage``."""
        return self.storage.destination

    @property
    def workspace(self) -> Workspace:
        """Where its files are while being received. Raises DiskError before ``open_storage``."""
        return self.storage.workspace

    @property
    def storage(self) -> JobStorage:
        """Both."""
        if self._storage is None:
            raise DiskError(f"job {self.spec.name} has no folder")
        return self._storage

    def open_storage(self, *, durable: bool) -> None:
        """Opens the job's storage, creating it if needed, once the job is ready. Raises OSError.

        ``durable``: whether published files must survive a power failure.
        """
        if self._storage is None:  # the call may be repeated after a wait
            self._storage = open_job(self.spec.dest, self.spec.name, durable=durable)
        self.job.begun = True

    def close(self) -> None:
        """Releases everything but the ledger; no work of the job may be left."""
        if self._storage is not None:
            self._storage.close()
        self.unlock()
        self.http.close()

    def unlock(self) -> None:
        """Lets other runs have the job. A store may take long to answer."""
        lease, self.lease = self.lease, None
        if lease is not None:
            lease.release()

    def was_refused(self, kind: FailureKind, message: str) -> None:
        """Records that the provider refused a request or could not be reached."""
        if kind in _OF_PROVIDERS:
            self.ledger.jobs.save_refusal(self.id, kind.value, line(message))

    @property
    def renewal_is_futile(self) -> bool:
        """Whether renewing links has delivered nothing so far."""
        return bool(self.listing_round) and not self.progress

    def next_listing_round(self) -> None:
        """Makes its thread list everything again, for fresh links."""
        log.info(
            "%s: renewing the links of %s", self.spec.name, count(len(self.links.waiting), "file")
        )
        self.renew = False
        self.listing_round += 1
        if self.job.tell is not None:
            self.job.tell(
                LinksRenewed(job=self.spec.name, folder=self.job.folder, round=self.listing_round)
            )
        self.progress = 0
        self.links.next_listing_round()
        self.before.update(self.seen)
        self.seen.clear()
        self.job.listing = True
        self.commands.put("listing_round")

    def end_thread(self) -> None:
        """Ends its thread as soon as possible, whatever it waits for."""
        self.stop.set()
        self.has_capacity.set()
        self.commands.put("end")

    def settle(self) -> None:
        """Ends the job once its thread has ended and no work is left."""
        job = self.job
        thread_over = job.ending or job.dead or job.not_ready or self.stop.is_set()
        if thread_over and not (job.listing or self.open or job.streams):
            job.ended = True
