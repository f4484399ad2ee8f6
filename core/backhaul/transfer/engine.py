"""The transfer engine: takes transfers, gives back whole files or reasons."""

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from backhaul.errors import FailureKind
from backhaul.http.agent import user_agent
from backhaul.http.tls import ca_bundle
from backhaul.transfer.backlog import Backlog
from backhaul.transfer.connections import Connections
from backhaul.transfer.finisher import Finisher
from backhaul.transfer.handle import Handle
from backhaul.transfer.judge import content_failure
from backhaul.transfer.loop import Loop
from backhaul.transfer.parts import Parts
from backhaul.transfer.patience import Patience
from backhaul.transfer.pending import Pending
from backhaul.transfer.prover import Prover
from backhaul.transfer.rate import RateLimit
from backhaul.transfer.receive import Receiver
from backhaul.transfer.redirect import own_headers
from backhaul.transfer.retrier import Retrier
from backhaul.transfer.sink import Sink
from backhaul.transfer.split_desk import AT_ONCE, SplitDesk
from backhaul.transfer.starter import Starter
from backhaul.transfer.unit import Counters, Failure, Transfer, check_url, origin
from backhaul.types import Pace
from backhaul.verify.memory import keep_freed
from backhaul.verify.verifier import Limits


class Engine:
    """Carries out transfers on one libcurl multi loop; used from one thread.

    What waits is in Pending; the Starter puts it on the Connections; the Receiver takes the bytes;
    the Finisher gives what is whole to the Prover and all else to the Retrier. Large files are
    the SplitDesk's.

    Args:
        connections: in all, at most.
        connections_per_host: to one origin, at most.
        retries: attempts in a row that bring too little before a transfer is given up.
        limit_rate: bytes a second in all; None: no limit.
        agent: the User-Agent; None: backhaul and its version.

    Raises ConfigError when the environment names trusted certificates that are not there.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        connections: int,
        connections_per_host: int,
        retries: int,
        limit_rate: int | None = None,
        durable: bool = True,
        max_file_size: int = 1 << 40,
        limits: Limits | None = None,
        patience: Patience | None = None,
        agent: str | None = None,
        remembered: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        keep_freed()
        limits = limits or Limits()
        backlog = Backlog()
        self._sink = sink
        self._patience = patience or Patience()
        self._agent = agent or user_agent()
        self._authorities = ca_bundle()
        self._rate = rate = RateLimit(limit_rate)
        self.loop = Loop(max_connections=connections)
        self.counters = counters = Counters()
        self._workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="backhaul-verify")
        self._pending = pending = Pending(
            per_host=min(connections_per_host, connections), remembered=remembered
        )
        self.hosts = pending.hosts
        self._parts = Parts(
            self.loop, self._workers, backlog, folder=sink.folder, limits=limits, durable=durable
        )
        self._connections = Connections(self.loop, counters, pending, new_handle=self._new_handle)
        retrier = Retrier(sink, pending, self._parts, counters, retries=retries)
        self._prover = Prover(
            sink,
            self.loop,
            self._workers,
            backlog=backlog,
            counters=counters,
            limits=limits,
            wrong=retrier.wrong,
            unproven=retrier.failed,
        )
        self._splits = SplitDesk(
            pending,
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
            self._splits, self._parts, backlog, rate, counters, max_file_size=max_file_size
        )
        self._starter = Starter(
            sink,
            pending,
            self._connections,
            self._parts,
            counters=counters,
            rate=rate,
            most=connections,
        )
        self._finisher = Finisher(
            sink,
            pending,
            self._connections,
            counters,
            splits=self._splits,
            prover=self._prover,
            retrier=retrier,
            scarce=self._starter.fewer,
        )

    def _new_handle(self) -> Handle:
        return Handle(
            self._receiver.on_data,
            patience=self._patience,
            agent=self._agent,
            buffer=1 << 18,
            authorities=self._authorities,
        )

    @property
    def busy(self) -> bool:
        """Whether anything is queued, under way, waiting for a retry or being finished."""
        pending = self._pending
        return bool(
            pending.ready
            or self.counters.active
            or pending.later
            or self._prover.ending
            or pending.split
        )

    def pace(self, host: str, pace: Pace) -> None:
        """Has requests to an origin go out no faster than the provider likes."""
        self._pending.paces[host] = pace

    def submit(self, transfer: Transfer, *, partial: bool = False) -> None:
        """Queues a transfer; ``partial``: an earlier run left a ``.part`` of it."""
        pending = self._pending
        if transfer.job in pending.held:
            pending.held.add(transfer, partial=partial)
            return
        try:
            request = transfer.request
            check_url(request.url)
            host = pending.host(origin(request.url))
            if request.headers or request.auth:
                own_headers(request)
        except ValueError as error:
            self._sink.failed(
                transfer, Failure(kind=FailureKind.PLUGIN, message=f"the provider's URL {error}")
            )
            return
        body = pending.kept.pop((transfer.job, transfer.file.name), None)
        try:
            if body is not None:
                body.begin(transfer)
            elif partial:
                body = self._parts.left_behind(transfer)
        except OSError as error:
            self._sink.failed(transfer, content_failure(error))
            return
        if body is not None:
            body.submitted += body.gained
        if body is not None and body.whole:
            self._prover.finish(body)  # all came, and then the run was stopped
        elif body is not None and body.split is not None:
            pending.split.add(body)
        else:
            pending.add(host, transfer, body)

    def turn(self, timeout: float) -> None:
        """Starts what may start, waits for something to happen, and deals with it."""
        now = time.monotonic()
        pending = self._pending
        if pending.later:
            pending.wake(now)
        wait = min(self._starter.start(now), self._splits.start(self._starter.most, now))
        wait = min(wait, self._rate.release(now))
        if pending.later:
            wait = min(wait, pending.later[0][0] - now)
        for curl, error, message in self.loop.turn(max(0.0, min(timeout, wait))):
            handle = self._connections.handles[curl]
            if handle.owner is not None:  # not ended together with another of this turn
                self.loop.multi.remove_handle(curl)
                self._finisher.over(handle, error, message)

    def close(self) -> None:
        """Lets go of everything; call ``stop`` before when something is under way."""
        self._workers.shutdown(wait=True)
        self._connections.close()
        self.loop.close()

    # -- whole jobs ---------------------------------------------------------------------------------

    def withdraw(self, job: str) -> int:
        """Takes back a job's transfers that have not begun; says how many.

        What has arrived of them is kept until they are submitted again, or ``forget``.
        """
        return self._pending.withdraw(job)

    def hold(self, jobs: Collection[str]) -> None:
        """Starts nothing more of some jobs and suspends what is under way of large files.

        What is still in memory may come to its end; it is suspended by the next call if it turns
        out large, so this is to be called again while it lasts. Whatever cannot be kept fails.
        """
        pending = self._pending
        for job in jobs:
            if job not in pending.held:
                pending.hold(job)
        large = {*self._connections.on_line(), *pending.split}
        for body in sorted(large, key=lambda body: body.number):
            part = body.part
            if body.transfer.job in jobs and part is not None and part.error is None:
                self._connections.abort(body)
                self._parts.put_away(body)
                pending.put_back(body)
        for (job, name), body in list(pending.kept.items()):
            error = body.part.error if body.part is not None else None
            if job in jobs and isinstance(error, OSError) and (job, name) in pending.kept:
                del pending.kept[job, name]
                pending.held.remove(body.transfer)
                self._sink.failed(body.transfer, content_failure(error))

    def held(self, job: str) -> int:
        """How many transfers of a job wait until it is released."""
        return self._pending.held.count(job)

    def release(self, job: str) -> None:
        """Resumes a job that was held."""
        for transfer, partial in self._pending.held.take(job):
            self.submit(transfer, partial=partial)

    def under_way(self, job: str) -> set[str]:
        """Names of a job's files that are being transferred, finished or retried."""
        pending = self._pending
        later = (entry[2] for entry in pending.later)
        bodies = (*self._connections.on_line(), *later, *self._prover.ending, *pending.split)
        return {body.transfer.file.name for body in bodies if body.transfer.job == job}

    def at_work(self, job: str) -> bool:
        """Whether something of a job is still being written or kept aside."""
        return self._parts.at_work(job)

    def stop(self) -> None:
        """Ends all transfers at once, keeping what has arrived of large files."""
        under_way = {body.transfer.job for body in self._connections.on_line()}
        self.stop_jobs(under_way | self._pending.jobs())

    def stop_jobs(self, jobs: Collection[str]) -> None:
        """Ends the transfers of some jobs at once, keeping what has arrived of large files."""
        for body in {*self._connections.on_line(), *self._pending.split}:
            if body.transfer.job in jobs:
                self._connections.abort(body)
                self._parts.put_away(body)
        for job in jobs:
            self._pending.withdraw(job)
        for body in self._pending.give_up(jobs):
            self._parts.put_away(body)
        for job in jobs:
            self.forget(job)

    def forget(self, job: str) -> None:
        """Lets go of what is kept of a job's files that will not be submitted again."""
        kept = self._pending.kept
        for name in [name for of, name in kept if of == job]:
            self._parts.put_away(kept.pop((job, name)))
