"""The transfer engine: takes transfers, gives back whole files or reasons."""

import time
from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from backhaul.errors import FailureKind
from backhaul.http.agent import user_agent
from backhaul.http.tls import ca_bundle
from backhaul.transfer.backlog import Backlog
from backhaul.transfer.body import Ahead, Body
from backhaul.transfer.checksum_files import ChecksumFiles, checksum_transfer
from backhaul.transfer.completion import Completion
from backhaul.transfer.connections import Connections
from backhaul.transfer.context import JobContext
from backhaul.transfer.failures import content_failure
from backhaul.transfer.handle import Handle
from backhaul.transfer.hold import Hold
from backhaul.transfer.loop import Loop
from backhaul.transfer.outcome import Failed, Outcome, Withdrawn
from backhaul.transfer.parts import Parts
from backhaul.transfer.queues import Queues
from backhaul.transfer.rate import RateLimit
from backhaul.transfer.receive import Receiver
from backhaul.transfer.redirect import own_headers
from backhaul.transfer.retry import Retry
from backhaul.transfer.scheduler import Scheduler
from backhaul.transfer.segmented_download import AT_ONCE, SegmentedDownload
from backhaul.transfer.state import UNDER_WAY, State
from backhaul.transfer.table import Table
from backhaul.transfer.timeouts import Timeouts
from backhaul.transfer.unit import Counters, Failure, Transfer, check_url
from backhaul.transfer.verification import Verification
from backhaul.transfer.workers import Workers
from backhaul.types import Pace
from backhaul.verify.memory import keep_freed
from backhaul.verify.verifier import Limits

_IDLE = (State.PARKED, State.PUBLISHING)
_IDLE_PAUSED = (*_IDLE, State.QUEUED)
_NAP = 0.1  # seconds
_LAST = 0.5  # seconds that what is being verified has at the end, to be taken still
_NEARLY_DONE = (State.VERIFYING, State.PUBLISHING)  # not worth stopping


class Engine:
    """Carries out transfers on one libcurl multi loop; used from one thread.

    All transfers are in the Table, each in one state. The Queues say which comes next; the Scheduler
    puts it on the Connections; the Receiver takes the bytes; the Completion gives what is whole to
    the Verification and all else to the Retry. Large files are the SegmentedDownload's.

    Args:
        connections: in all, at most.
        connections_per_host: to one origin, at most.
        retries: attempts in a row that bring too little before a transfer is given up.
        limit_rate: bytes a second in all; None: no limit.
        agent: the User-Agent; None: backhaul and its version.

    Attributes:
        outcomes: what became of transfers and was not taken yet.

    Raises ConfigError when the environment names trusted certificates that are not there.
    """

    def __init__(
        self,
        *,
        connections: int,
        connections_per_host: int,
        retries: int,
        limit_rate: int | None = None,
        durable: bool = True,
        max_file_size: int = 1 << 40,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        agent: str | None = None,
    ) -> None:
        keep_freed()
        limits = limits or Limits()
        backlog = Backlog()
        self.outcomes: list[Outcome] = []
        report = self._report = self.outcomes.append
        self._jobs: dict[str, JobContext] = {}
        self._remembered: dict[str, int] = {}
        self._timeouts = timeouts or Timeouts()
        self._agent = agent or user_agent()
        self._authorities = ca_bundle()
        self._rate = rate = RateLimit(limit_rate)
        self.loop = Loop(max_connections=connections)
        self.counters = counters = Counters()
        self._workers = Workers(AT_ONCE)
        self._table = table = Table()
        self._queues = queues = Queues(
            per_host=min(connections_per_host, connections), remembered=self._remembered
        )
        self.hosts = queues.hosts
        self._parts = Parts(
            self.loop.mailbox,
            self._workers,
            backlog,
            jobs=self._jobs,
            limits=limits,
            durable=durable,
        )
        self._connections = Connections(self.loop, counters, queues, new_handle=self._new_handle)
        self._hold = Hold(report, table, queues, self._connections, self._parts, counters=counters)
        retrier = Retry(report, table, queues, self._parts, counters, retries=retries)
        self._prover = Verification(
            report,
            table,
            self.loop.mailbox,
            self._workers,
            jobs=self._jobs,
            backlog=backlog,
            counters=counters,
            limits=limits,
            wrong=retrier.wrong,
            unproven=retrier.failed,
        )
        self._segmented = SegmentedDownload(
            queues,
            counters,
            backlog,
            rate,
            retries=retries,
            launch=self._connections.launch,
            abort=self._connections.abort,
            whole=self._prover.finish,
            failed=retrier.lost,
        )
        self._receiver = Receiver(
            self._segmented, self._parts, backlog, rate, counters, max_file_size=max_file_size
        )
        self._starter = Scheduler(
            report,
            table,
            queues,
            self._connections,
            self._parts,
            counters=counters,
            rate=rate,
            most=connections,
        )
        checksums = ChecksumFiles(
            report,
            table,
            self.loop.mailbox,
            self._workers,
            parts=self._parts,
            retrier=retrier,
            follow=self._continue,
        )
        retrier.absent = checksums.absent
        self._finisher = Completion(
            report,
            table,
            queues,
            self._connections,
            counters,
            segmented=self._segmented,
            prover=self._prover,
            checksums=checksums,
            retrier=retrier,
            scarce=self._starter.fewer,
        )

    def _new_handle(self) -> Handle:
        return Handle(
            self._receiver.on_data,
            timeouts=self._timeouts,
            agent=self._agent,
            buffer=1 << 18,
            authorities=self._authorities,
        )

    @property
    def busy(self) -> bool:
        """Whether anything is to be done for transfers whose jobs are not paused."""
        return self.counters.active > 0 or any(map(self._is_busy, self._table.jobs))

    def _is_busy(self, job: str) -> bool:
        idle = _IDLE_PAUSED if job in self._queues.paused else _IDLE
        return any(body.state not in idle for body in self._table.of(job))

    def begin(self, job: str, context: JobContext) -> None:
        """Learns of a job before the first of its transfers is submitted."""
        self._jobs[job] = context

    def end(self, job: str) -> None:
        """Forgets a job; nothing of it is under way."""
        self._jobs.pop(job, None)
        self._queues.drop([job])
        self._hold.end(job)
        self._table.clear(job)
        self._parts.end(job)

    def remember(self, hosts: Mapping[str, int]) -> None:
        """Learns how many connections origins allowed in an earlier run."""
        for name, connections in hosts.items():
            self._remembered.setdefault(name, connections)

    def received(self, job: str, size: int) -> None:
        """Counts bytes of a job that came in another way."""
        counters = self.counters
        counters.bytes += size
        counters.by_job[job] = counters.by_job.get(job, 0) + size

    def take(self) -> list[Outcome]:
        """What has become of transfers since the last call."""
        outcomes = self.outcomes.copy()
        self.outcomes.clear()
        return outcomes

    def pace(self, host: str, pace: Pace) -> None:
        """Has requests to an origin go out no faster than the provider likes."""
        self._queues.paces[host] = pace

    def submit(self, transfer: Transfer, *, partial: bool = False) -> None:
        """Queues a transfer; ``partial``: an earlier run left a ``.part`` of it.

        None of its job and name may be under way. If one was taken back, this one continues with
        what has arrived of it.
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
            if body.size:
                body.submitted = body.here
            self._continue(body)

    def _row(self, transfer: Transfer, *, partial: bool) -> Body:
        """The table's row of a transfer. Raises ValueError for its URL, and OSError."""
        body = self._table.get(transfer.job, transfer.file.name)
        first = checksum_transfer(transfer)
        if body is not None:
            if first is not None and (body.ahead is not None or body.refusal is not None):
                partial = body.ahead is not None and body.ahead.partial
                body.ahead, body.refusal = Ahead(transfer, partial), None
                body.begin(first)
            else:  # its checksum is known by now
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
        """Queues a transfer, if there is anything left of it to fetch."""
        if body.part is not None and body.whole:
            self._prover.finish(body)
        else:
            self._queues.put(body)

    def turn(self, timeout: float) -> None:
        """Starts what may start, waits for something to happen, and deals with it."""
        now = time.monotonic()
        queues = self._queues
        if queues.later:
            queues.wake(now)
        wait = min(self._starter.start(now), self._segmented.start(self._starter.most, now))
        wait = min(wait, self._rate.release(now), self._prover.hand_over(now))
        wait = min(wait, self._hold.watch(now))
        if queues.later:
            wait = min(wait, queues.later[0][0] - now)
        for curl, error, message in self.loop.turn(max(0.0, min(timeout, wait))):
            handle = self._connections.handles[curl]
            if handle.owner is not None:  # not ended together with another of this turn
                self.loop.multi.remove_handle(curl)
                self._finisher.over(handle, error, message)

    def close(self) -> None:
        """Lets go of everything; call ``stop`` before when something is under way.

        What is verified within half a second can still be taken.
        """
        end = time.monotonic() + _LAST
        while self._prover.at_work and time.monotonic() < end:
            self._prover.hand_over(time.monotonic())
            self.loop.turn(_NAP)
        self._workers.shutdown(wait=True)
        self._connections.close()
        self.loop.close()

    # -- whole jobs ---------------------------------------------------------------------------------

    def withdraw(self, job: str) -> None:
        """Takes back a job's transfers that have not begun, see Withdrawn.

        What has arrived of them is kept until they are submitted again, or ``forget``.
        """
        taken = self._queues.take([job])
        for body in taken:
            self._table.park(body)
        self._report(Withdrawn(job, frozenset(body.transfer.file.name for body in taken)))

    def hold(self, jobs: Collection[str]) -> None:
        """Starts nothing more of some jobs and suspends what is under way of large files.

        What is in memory may finish, unless it turns out to be large. Whatever cannot be kept fails.
        """
        self._hold.begin(jobs)

    def held(self, job: str) -> int:
        """How many transfers of a job wait until it is released."""
        return len(self._queues.paused.get(job, ()))

    def release(self, job: str) -> None:
        """Resumes a job that was held."""
        for body in self._hold.end(job):
            self._continue(body)

    def under_way(self, job: str) -> set[str]:
        """Names of a job's files that have begun, and have neither failed nor their final names."""
        return self._table.names(job, UNDER_WAY)

    def at_work(self, job: str) -> bool:
        """Whether something of a job is still being written or kept aside."""
        return self._parts.at_work(job) or bool(self._table.names(job, (State.VERIFYING,)))

    def stop(self) -> None:
        """Ends all transfers at once, keeping what has arrived of large files."""
        self.stop_jobs(self._table.jobs)

    def stop_jobs(self, jobs: Collection[str]) -> None:
        """Ends the transfers of some jobs at once, keeping what has arrived of large files."""
        self._queues.drop(jobs)
        for body in chain.from_iterable(map(self._table.of, jobs)):
            if body.state not in _NEARLY_DONE:
                if body.state is State.ACTIVE:
                    self._connections.abort(body)
                self._put_away(body)

    def forget(self, job: str) -> None:
        """Lets go of what is kept of a job's files that will not be submitted again."""
        for body in self._table.of(job):
            if body.state is State.PARKED:
                self._put_away(body)

    def _put_away(self, body: Body) -> None:
        """Forgets a transfer, and leaves what has arrived of it for another run."""
        self._parts.put_away(body)
        self._table.remove(body)

    def published(self, job: str, names: Iterable[str]) -> None:
        """These files have their final names, or never will."""
        self._table.published(job, names)
