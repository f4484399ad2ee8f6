"""The transfer engine: takes transfers and returns complete files or failures."""

import time
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING

from backhaul.errors import FailureKind
from backhaul.http.tls import ca_bundle
from backhaul.transfer.backlog import Backlog
from backhaul.transfer.body import Ahead, Body, State
from backhaul.transfer.checksum_files import ChecksumFiles
from backhaul.transfer.completion import Completion
from backhaul.transfer.connections import Connections
from backhaul.transfer.content_failures import content_failure
from backhaul.transfer.context import JobContext
from backhaul.transfer.executor import host_of
from backhaul.transfer.handle import Handle
from backhaul.transfer.hold import Hold
from backhaul.transfer.hosts import START
from backhaul.transfer.loop import Loop
from backhaul.transfer.outcome import Failed, Outcome, Withdrawn, given_back
from backhaul.transfer.parts import Parts
from backhaul.transfer.queues import Queues
from backhaul.transfer.rate import RateLimit
from backhaul.transfer.receive import Receiver
from backhaul.transfer.redirect import own_headers
from backhaul.transfer.retry import Retry
from backhaul.transfer.scheduler import Scheduler
from backhaul.transfer.segmented_download import AT_ONCE, SegmentedDownload
from backhaul.transfer.shared import Shared
from backhaul.transfer.table import Table
from backhaul.transfer.unit import Counters, Failure, Transfer, check_url, checksum_transfer
from backhaul.transfer.verification import Verification
from backhaul.transfer.verifiers import Verifiers
from backhaul.transfer.workers import Workers
from backhaul.types import Pace
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.memory import keep_freed
from backhaul.version import user_agent

if TYPE_CHECKING:
    from backhaul.config.settings import Settings

_IDLE = (State.PARKED, State.PUBLISHING)
_IDLE_PAUSED = (*_IDLE, State.QUEUED)
_NAP = 0.1  # seconds
_LAST = 0.5  # seconds at the end for files being verified to complete
_NEARLY_DONE = (State.VERIFYING, State.PUBLISHING)  # too late to stop


class Engine:
    """Carries out transfers on one libcurl multi loop; used from one thread.

    All transfers are in the Table, each in one state. The Queues determine which comes next. The
    Scheduler assigns it to the Connections, the Receiver takes the data, and the Completion passes
    complete bodies to the Verification and all others to the Retry. SegmentedDownload handles large files.

    Args:
        settings: the user's.
        connections: maximum number of connections; None for the settings'.
        start: number of connections to start with, per origin; verifiers: see Parts.

    Attributes:
        outcomes: outcomes that were not taken yet.

    Raises ConfigError if the environment names trusted certificates that do not exist.
    """

    def __init__(
        self,
        settings: "Settings",
        *,
        connections: int | None = None,
        start: int = START,
        verifiers: Verifiers | None = None,
    ) -> None:
        keep_freed()
        connections = connections or settings.connections
        retries, durable = settings.retries, settings.durable
        limits = ContentLimits.of(settings)
        backlog = Backlog()
        self.outcomes: list[Outcome] = []
        self._report = self.outcomes.append
        self._jobs: dict[str, JobContext] = {}
        self._remembered: dict[str, int] = {}
        self._settings = settings
        self._agent = settings.user_agent or user_agent()
        self._authorities = ca_bundle()
        self._rate = RateLimit(settings.limit_rate)
        self.loop = Loop(max_connections=connections)
        self.counters = Counters()
        self._workers = Workers(
            AT_ONCE + (verifiers.most if verifiers else 0),
            crashed=lambda error: self.loop.mailbox.post(_raise, error),
        )
        self._table = Table()
        self._queues = Queues(
            per_host=min(settings.connections_per_host, connections),
            remembered=self._remembered,
            start=start,
        )
        self.hosts = self._queues.hosts
        self._parts = Parts(
            self.loop.mailbox,
            self._workers,
            backlog,
            jobs=self._jobs,
            limits=limits,
            durable=durable,
            verifiers=verifiers,
        )
        self._connections = Connections(
            self.loop, self.counters, self._queues, new_handle=self._new_handle
        )
        shared = Shared(
            report=self._report,
            table=self._table,
            queues=self._queues,
            connections=self._connections,
            parts=self._parts,
            jobs=self._jobs,
            mailbox=self.loop.mailbox,
            workers=self._workers,
            backlog=backlog,
            rate=self._rate,
            counters=self.counters,
            limits=limits,
        )
        self._hold = Hold(shared)
        retry = Retry(shared, retries=retries)
        self._verification = Verification(shared, retry)
        self._segmented = SegmentedDownload(
            shared, retries=retries, whole=self._verification.finish, failed=retry.lost
        )
        self._receiver = Receiver(shared, self._segmented, max_file_size=settings.max_file_size)
        self._scheduler = Scheduler(shared, most=connections)
        checksums = ChecksumFiles(shared, retry=retry, follow=self._continue)
        retry.absent = checksums.absent
        self._completion = Completion(
            shared,
            segmented=self._segmented,
            verification=self._verification,
            checksums=checksums,
            retry=retry,
            scarce=self._scheduler.fewer,
        )

    def _new_handle(self) -> Handle:
        return Handle(
            self._receiver.on_data,
            settings=self._settings,
            agent=self._agent,
            buffer=1 << 18,
            authorities=self._authorities,
        )

    @property
    def busy(self) -> bool:
        """Whether there is work for jobs that are not paused."""
        return self.counters.active > 0 or any(map(self._is_busy, self._table.jobs))

    def _is_busy(self, job: str) -> bool:
        idle = _IDLE_PAUSED if job in self._queues.paused else _IDLE
        return any(body.state not in idle for body in self._table.of(job))

    def begin(self, job: str, context: JobContext) -> None:
        """Announces a job before its first transfer is submitted."""
        self._jobs[job] = context
        if context.pace is not None:
            self._queues.keep_source_pace(job, context.pace)

    def end(self, job: str) -> None:
        """Forgets a job, which must have no transfers."""
        self._jobs.pop(job, None)
        self._queues.drop([job])
        self._queues.forget_source(job)
        self._hold.end(job)
        self._table.clear(job)
        self._parts.end(job)

    def remember(self, hosts: Mapping[str, int]) -> None:
        """Sets the number of connections that origins allowed in an earlier run."""
        for name, connections in hosts.items():
            self._remembered.setdefault(name, connections)

    def received(self, job: str, size: int) -> None:
        """Counts bytes of a job that were received by other means."""
        self.counters.count(job, size)

    def take(self) -> list[Outcome]:
        """The outcomes since the last call."""
        outcomes = self.outcomes.copy()
        self.outcomes.clear()
        return outcomes

    def pace(self, host: str, pace: Pace) -> None:
        """Limits requests to an origin to the provider's pace."""
        self._queues.keep_pace(host, pace)

    def share(self, connections: int, limit_rate: int | None) -> None:
        """Changes the maximum number of connections and bytes per second; active transfers continue."""
        self._scheduler.change(connections)
        self._rate.change(limit_rate)

    def give_back(self, host: str, pause: float) -> None:
        """Withdraws an origin's new transfers, and starts none of the others for some seconds."""
        for body in self._queues.take_new(host):
            self._table.remove(body)
            self._report(given_back(body.transfer))
        if host in self.hosts:
            until = time.monotonic() + pause
            self.hosts[host].not_before = max(self.hosts[host].not_before, until)

    def leave(self, host: str) -> None:
        """Leaves an origin to other processes.

        Withdraws its new transfers, and later those in memory that turn out invalid.
        """
        self._queues.left.add(host)
        self.give_back(host, 0.0)

    def fetches(self, host: str) -> bool:
        """Whether this process may make more requests for transfers from an origin left to others."""
        if host in self.hosts and self.hosts[host].active:
            return True
        bodies = chain.from_iterable(map(self._table.of, self._table.jobs))
        return any(
            body.state not in _IDLE and not body.is_in_memory and host_of(body.transfer) == host
            for body in bodies
        )

    def submit(self, transfer: Transfer, *, partial: bool = False) -> None:
        """Queues a transfer; ``partial``: an earlier run left a ``.part``.

        There must be no active transfer with its job and name. If one was withdrawn, its received data is
        used.
        """
        try:
            check_url(transfer.request.url)
            if transfer.request.headers or transfer.request.auth:
                own_headers(transfer.request)
            body = self._row(transfer, partial=partial)
        except ValueError as error:
            failure = Failure(kind=FailureKind.PLUGIN, message=f"the provider's URL {error}")
            self._report(Failed(transfer, failure))
        except OSError as error:
            self._report(Failed(transfer, content_failure(error)))
        else:
            self._queues.left.discard(body.origin)
            if body.size:
                body.submitted = body.here
            self._continue(body)

    def _row(self, transfer: Transfer, *, partial: bool) -> Body:
        """Creates the table's row for a transfer. Raises ValueError for its URL, and OSError."""
        body = self._table.get(transfer.job, transfer.file.name)
        first = checksum_transfer(transfer)
        if body is not None:
            if first is not None and (body.ahead is not None or body.refusal is not None):
                partial = body.ahead is not None and body.ahead.partial
                body.ahead, body.refusal = Ahead(transfer, partial), None
                body.begin(first)
            else:  # its checksum is already known
                body.begin_file(None)
                body.begin(transfer)
            return body
        body = Body(first or transfer)
        if first is not None:
            body.ahead = Ahead(transfer, partial)
        elif partial:
            self._parts.take_up(body)
        self._table.add(body)
        return body

    def _continue(self, body: Body) -> None:
        """Queues a transfer, if any of it is left to fetch."""
        if body.part is not None and body.whole:
            self._verification.finish(body)
        else:
            self._queues.put(body)

    def turn(self, timeout: float) -> None:
        """Starts transfers, waits for events and processes them."""
        now = time.monotonic()
        queues = self._queues
        if queues.later:
            queues.wake(now)
        wait = min(self._scheduler.start(now), self._segmented.start(self._scheduler.most, now))
        wait = min(wait, self._rate.release(now), self._verification.hand_over(now))
        wait = min(wait, self._hold.watch(now))
        if queues.later:
            wait = min(wait, queues.later[0][0] - now)
        for curl, error, message in self.loop.turn(max(0.0, min(timeout, wait))):
            handle = self._connections.handles[curl]
            if handle.owner is not None:  # not ended by another request of this turn
                self.loop.multi.remove_handle(curl)
                self._completion.over(handle, error, message)

    def close(self) -> None:
        """Releases all resources; call ``stop`` first if there are active transfers.

        Files verified within half a second can still be taken.
        """
        end = time.monotonic() + _LAST
        while self._verification.at_work and time.monotonic() < end:
            self._verification.hand_over(time.monotonic())
            self.loop.turn(_NAP)
        self._workers.shutdown(wait=True)
        self._connections.close()
        self.loop.close()

    def abandon(self) -> None:
        """Ends the worker threads after an unexpected error."""
        self._workers.shutdown(wait=False)

    # -- whole jobs ---------------------------------------------------------------------------------

    def withdraw(self, job: str) -> None:
        """Withdraws a job's transfers that have not started, see Withdrawn.

        Their received data is kept until they are submitted again or until ``forget``.
        """
        taken = self._queues.take([job])
        for body in taken:
            self._table.park(body)
        names = frozenset(body.transfer.file.name for body in taken)
        self._report(Withdrawn(job, names, names & self._table.names(job, (State.PARKED,))))

    def hold(self, jobs: Collection[str]) -> None:
        """Starts no more transfers of some jobs and suspends active ones of large files.

        Transfers in memory may finish, unless they turn out to be large. Whatever cannot be kept fails.
        """
        self._hold.begin(jobs)

    def release(self, job: str) -> None:
        """Resumes a held job."""
        for body in self._hold.end(job):
            self._continue(body)

    def at_work(self, job: str) -> bool:
        """Whether files of a job are still being written or kept."""
        return self._parts.at_work(job) or bool(self._table.names(job, (State.VERIFYING,)))

    def stop(self) -> None:
        """Stops all transfers immediately, keeping received data of large files."""
        self.stop_jobs(self._table.jobs)

    def stop_jobs(self, jobs: Collection[str]) -> None:
        """Stops the transfers of some jobs immediately, keeping received data of large files."""
        self._queues.drop(jobs)
        for body in chain.from_iterable(map(self._table.of, jobs)):
            if body.state not in _NEARLY_DONE:
                if body.state is State.ACTIVE:
                    self._connections.abort(body)
                self._keep_for_later(body)

    def forget(self, job: str) -> None:
        """Discards data kept for a job's files that will not be submitted again."""
        for body in self._table.of(job):
            if body.state is State.PARKED:
                self._keep_for_later(body)

    def _keep_for_later(self, body: Body) -> None:
        """Forgets a transfer, leaving its received data to another run."""
        self._parts.keep_for_later(body)
        self._table.remove(body)

    def published(self, job: str, names: Iterable[str]) -> None:
        """These files are published, or never will be."""
        self._table.published(job, names)


def _raise(error: BaseException) -> None:
    raise error
