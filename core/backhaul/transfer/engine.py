"""The transfer engine: takes transfers, gives back whole files or reasons."""

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from heapq import heapify, heappop, heappush

import pycurl

from backhaul.backoff import delay, parse_date
from backhaul.errors import FailureKind
from backhaul.http.tls import ca_bundle
from backhaul.transfer.body import INLINE, Body
from backhaul.transfer.handle import Handle, Head
from backhaul.transfer.held import Held
from backhaul.transfer.hosts import PATIENCE, Host
from backhaul.transfer.judge import content_failure, judge
from backhaul.transfer.loop import Loop
from backhaul.transfer.part import Backlog
from backhaul.transfer.patience import Patience
from backhaul.transfer.pieces import Piece
from backhaul.transfer.prover import Prover
from backhaul.transfer.rate import RateLimit
from backhaul.transfer.receive import Receiver
from backhaul.transfer.redirect import STATUSES, RedirectRefused, follow, own_headers
from backhaul.transfer.sink import Sink
from backhaul.transfer.split_desk import SplitDesk
from backhaul.transfer.unit import Counters, Failure, Transfer, check_url, origin
from backhaul.types import Pace, SlotState
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Limits

_PAST = Failure(kind=FailureKind.EXPIRED, message="its link has passed its time")
_OF_HOSTS = {FailureKind.UNREACHABLE, FailureKind.THROTTLED, FailureKind.TIMEOUT}
_BAD_CONTENTS = 3  # times that a file may come whole and wrong
_ERROR_BODY = 1 << 16
_SKEW = 300.0  # seconds between our clock and the server's that are worth a word
_SERVER_ERROR = 400


class Engine:
    """Carries out transfers on one libcurl multi loop; used from one thread.

    Args:
        connections: in all, at most.
        connections_per_host: to one origin, at most.
        retries: attempts without a new byte before a transfer is given up.
        limit_rate: bytes a second in all; None: no limit.

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
        remembered: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        self._sink = sink
        self._connections = connections
        self._per_host = connections_per_host
        self._retries = retries
        self._limits = limits or Limits()
        self._patience = patience or Patience()
        self._remembered = remembered
        self._authorities = ca_bundle()
        self._rate = RateLimit(limit_rate)
        self.loop = Loop(max_connections=connections)
        self.counters = Counters()
        self.hosts: dict[str, Host] = {}
        self._paces: dict[str, Pace] = {}
        self._idle: list[Handle] = []
        self._handles: dict[pycurl.Curl, Handle] = {}
        self._kept: dict[tuple[str, str], Body] = {}
        self._later: list[tuple[float, int, Body]] = []
        self._queued_bodies: dict[int, Body] = {}
        self._held = Held()
        self._number = 0
        self.waiting = 0  # transfers submitted and not yet begun
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="backhaul-verify")
        backlog = Backlog()
        self._prover = Prover(
            sink,
            self.loop,
            self._workers,
            backlog=backlog,
            counters=self.counters,
            limits=self._limits,
            wrong=self._bad_content,
        )
        self._splits = SplitDesk(
            self.counters,
            backlog,
            self._rate,
            launch=self._launch,
            abort=self._abort,
            whole=self._prover.finish,
            failed=self._lost,
        )
        self._receiver = Receiver(
            self.loop,
            self._workers,
            self._splits,
            backlog,
            folder=sink.folder,
            rate=self._rate,
            counters=self.counters,
            limits=self._limits,
            durable=durable,
            max_file_size=max_file_size,
        )

    # -- what the driver calls --------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether anything is queued, under way, waiting for a retry or being finished."""
        return bool(
            self.waiting
            or self.counters.active
            or self._later
            or self._prover.ending
            or self._splits.bodies
        )

    def pace(self, host: str, pace: Pace) -> None:
        """Has requests to an origin go out no faster than the provider likes."""
        self._paces[host] = pace

    def submit(self, transfer: Transfer, *, partial: bool = False) -> None:
        """Queues a transfer; ``partial``: an earlier run left a ``.part`` of it."""
        if transfer.job in self._held:
            self._held.add(transfer, partial=partial)
            return
        try:
            request = transfer.request
            check_url(request.url)
            host = self._host(origin(request.url))
            if request.headers or request.auth:
                own_headers(request)
        except ValueError as error:
            self._sink.failed(
                transfer, Failure(kind=FailureKind.PLUGIN, message=f"the provider's URL {error}")
            )
            return
        body = self._kept.pop((transfer.job, transfer.file.name), None)
        try:
            if body is not None:
                body.begin(transfer)
            elif partial:
                body = self._receiver.left_behind(transfer)
        except OSError as error:
            self._sink.failed(transfer, content_failure(error))
            return
        if body is not None:
            body.submitted += body.gained
        if body is not None and body.whole:
            self._prover.finish(body)  # all came, and then the run was stopped
        elif body is not None and body.split is not None:
            self._splits.resume(body)
        else:
            self._enqueue(host, transfer, body)

    def turn(self, timeout: float) -> None:
        """Starts what may start, waits for something to happen, and deals with it."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            body = heappop(self._later)[2]
            self._enqueue(self._host(origin(body.url)), body.transfer, body)
        wait = min(self._start(now), self._splits.start(self.hosts, self._connections, now))
        wait = min(wait, self._rate.release(now))
        if self._later:
            wait = min(wait, self._later[0][0] - now)
        for curl, error, message in self.loop.turn(max(0.0, min(timeout, wait))):
            handle = self._handles[curl]
            if handle.owner is not None:  # not ended together with another of this turn
                self.loop.multi.remove_handle(curl)
                self._over(handle, error, message)

    def stop(self) -> None:
        """Ends all transfers at once, keeping what has arrived of large files."""
        jobs = {body.transfer.job for body in self._on_line()}
        jobs.update(body.transfer.job for body in self._splits.bodies)
        jobs.update(entry[2].transfer.job for entry in self._later)
        jobs.update(entry[2].job for host in self.hosts.values() for entry in host.ready)
        jobs.update(job for job, _ in self._kept)
        jobs.update(self._held.jobs)
        self.stop_jobs(jobs)

    def withdraw(self, job: str) -> int:
        """Takes back a job's transfers that have not begun; says how many.

        What has arrived of them is kept until they are submitted again, or ``forget``.
        """
        count = 0
        for host in self.hosts.values():
            left = [entry for entry in host.ready if entry[2].job != job]
            for _, number, transfer in host.ready:
                if transfer.job == job:
                    count += 1
                    body = self._queued_bodies.pop(number, None)
                    if body is not None:
                        self._kept[job, transfer.file.name] = body
            host.ready[:] = left
            heapify(host.ready)
        self.waiting -= count
        return count + self._held.drop(job)

    def hold(self, jobs: Collection[str]) -> None:
        """Starts nothing more of some jobs and suspends what is under way of large files.

        What is still in memory may come to its end; it is suspended by the next call if it turns
        out large, so this is to be called again while it lasts. Whatever cannot be kept fails.
        """
        for job in jobs:
            if job not in self._held:
                queued = (sorted(host.ready) for host in self.hosts.values())
                waiting = [entry[2] for ready in queued for entry in ready if entry[2].job == job]
                self.withdraw(job)
                self._held.hold(job, waiting)
        large = {*self._on_line(), *self._splits.bodies}
        for body in sorted(large, key=lambda body: body.number):
            part = body.part
            if body.transfer.job in jobs and part is not None and part.error is None:
                self._abort(body)
                self._keep_for_later(body)
                self._put_back(body)
        for (job, name), body in list(self._kept.items()):
            error = body.part.error if body.part is not None else None
            if job in jobs and isinstance(error, OSError) and (job, name) in self._kept:
                del self._kept[job, name]
                self._held.remove(body.transfer)
                self._sink.failed(body.transfer, content_failure(error))

    def held(self, job: str) -> int:
        """How many transfers of a job wait until it is released."""
        return self._held.count(job)

    def release(self, job: str) -> None:
        """Goes on with a job that was held."""
        for transfer, partial in self._held.take(job):
            self.submit(transfer, partial=partial)

    def _put_back(self, body: Body) -> None:
        transfer = body.transfer
        self._kept[transfer.job, transfer.file.name] = body
        self._held.add(transfer)

    def under_way(self, job: str) -> set[str]:
        """Names of a job's files that are being transferred, finished or retried."""
        later = (entry[2] for entry in self._later)
        return {
            body.transfer.file.name
            for body in (*self._on_line(), *later, *self._prover.ending, *self._splits.bodies)
            if body.transfer.job == job
        }

    def stop_jobs(self, jobs: Collection[str]) -> None:
        """Ends the transfers of some jobs at once, keeping what has arrived of large files."""
        for body in {*self._on_line(), *self._splits.bodies}:
            if body.transfer.job in jobs:
                self._abort(body)
                self._keep_for_later(body)
        for job in jobs:
            self.withdraw(job)
        for entry in self._later:
            if entry[2].transfer.job in jobs:
                self._keep_for_later(entry[2])
        self._later = [entry for entry in self._later if entry[2].transfer.job not in jobs]
        heapify(self._later)
        for job in jobs:
            self.forget(job)

    def _on_line(self) -> Iterator[Body]:
        """The bodies that connections are at work on; one several times when it is split."""
        for handle in self._handles.values():
            if isinstance(handle.owner, Body):
                yield handle.owner
            elif isinstance(handle.owner, Piece):
                yield handle.owner.body

    def _abort(self, body: Body) -> None:
        """Ends the requests of a body that are under way."""
        for handle in self._handles.values():
            owner = handle.owner
            if owner is body or (isinstance(owner, Piece) and owner.body is body):
                self.loop.multi.remove_handle(handle.curl)
                self._receiver.bind(handle, body)
                handle.owner = None
                self._idle.append(handle)
                self.counters.active -= 1
                self.hosts[origin(body.url)].active -= 1
        self._splits.suspend(body)

    def forget(self, job: str) -> None:
        """Lets go of what is kept of a job's files that will not be submitted again."""
        for name in [name for kept, name in self._kept if kept == job]:
            self._keep_for_later(self._kept.pop((job, name)))

    def close(self) -> None:
        """Lets go of everything; call ``stop`` before when something is under way."""
        self._workers.shutdown(wait=True)
        for handle in self._handles.values():
            handle.curl.close()
        self.loop.close()

    # -- starting ---------------------------------------------------------------------------------

    def _host(self, name: str) -> Host:
        host = self.hosts.get(name)
        if host is None:
            host = Host(
                name,
                ceiling=min(self._per_host, self._connections),
                start=self._remembered(name),
                pace=self._paces.get(name),
            )
            self.hosts[name] = host
        return host

    def _enqueue(self, host: Host, transfer: Transfer, body: Body | None) -> None:
        if body is not None and transfer.job in self._held:
            self._put_back(body)
            return
        if body is not None and body.number:
            number = body.number
        else:
            self._number += 1
            number = self._number
        if body is not None:
            body.number = number
            self._queued_bodies[number] = body
        host.push(transfer, number)
        self.waiting += 1

    def _start(self, now: float) -> float:
        """Starts what may start; says in how many seconds more may."""
        wait = 60.0
        for host in self.hosts.values():
            while host.ready and host.active < host.limit:
                if self.counters.active >= self._connections:
                    return wait
                pause = max(host.wait(now), self._rate.wait(now))
                if pause > 0:
                    wait = min(wait, pause)
                    break
                number = host.ready[0][1]
                transfer = host.pop()
                body = self._queued_bodies.pop(number, None) or Body(transfer)
                body.number = number
                self.waiting -= 1
                if host.down is not None:
                    self._keep_for_later(body)
                    self._sink.failed(transfer, host.down)
                elif self._outlived(transfer):
                    self._kept[transfer.job, transfer.file.name] = body
                    self._sink.stale(transfer, _PAST, gained=body.gained)
                else:
                    self._begin(host, body)
        return wait

    def _outlived(self, transfer: Transfer) -> bool:
        """Whether the link was good when it was submitted, and is not any more."""
        expires = transfer.request.expires
        if expires is None or not transfer.good_until:
            return False
        return time.monotonic() >= transfer.good_until

    def _begin(self, host: Host, body: Body) -> None:
        extra = body.range_headers() if body.size else ()
        if body.size and not extra:
            body.forget()  # the server cannot go on in the middle
        self._launch(host, body, body, extra)

    def _launch(self, host: Host, body: Body, owner: Body | Piece, extra: Sequence[str]) -> None:
        host.started(time.monotonic())
        self.counters.active += 1
        self.counters.requests += 1
        handle = self._idle.pop() if self._idle else self._new_handle()
        handle.owner = owner
        request = body.transfer.request
        if (request.headers or request.auth) and self._same_origin(body):
            extra = [*own_headers(request), *extra]
        handle.prepare(body.url, extra)
        self.loop.add(handle.curl)

    def _same_origin(self, body: Body) -> bool:
        url = body.transfer.request.url
        return body.url is url or origin(body.url) == origin(url)

    def _new_handle(self) -> Handle:
        handle = Handle(
            self._receiver.on_data,
            patience=self._patience,
            buffer=1 << 18,
            authorities=self._authorities,
        )
        self._handles[handle.curl] = handle
        return handle

    # -- ending -----------------------------------------------------------------------------------

    def _over(self, handle: Handle, error: int, message: str) -> None:
        body = handle.owner
        handle.owner = None
        self._idle.append(handle)
        if isinstance(body, Piece):
            self.counters.active -= 1
            host = self.hosts[origin(body.body.url)]
            self._splits.over(handle, host, body, error, message)
            return
        if not isinstance(body, Body):
            return
        now = time.monotonic()
        self.counters.active -= 1
        host = self.hosts[origin(body.url)]
        if error == 0 and body.offset >= 0 and not body.short:
            host.finished(now, body.received, good=True)
            self._prover.whole(handle, body)
            return
        if error == 0 and body.offset > 0 and body.received:
            # A part may be shorter than asked for (RFC 9110, section 15.3.7): the rest is next.
            host.finished(now, body.received, good=True)
            body.begin(body.transfer)
            self._enqueue(self._host(origin(body.url)), body.transfer, body)
            return
        head = Head.parse(handle.headers)
        self._note_clock(host, head.headers)
        if error == 0 and head.status in STATUSES:
            host.finished(now, 0, good=True)
            self._redirect(body, head.headers)
            return
        host.finished(now, body.received, good=False)
        if error == 0 and head.status == 200 and not body.received:  # noqa: PLR2004
            body.accept(200, head.headers)
            self._prover.whole(handle, body)
            return
        self._receiver.bind(handle, body)
        failure = judge(host, body, head, error=error, message=message)
        if failure.pushback:
            host.pushed_back(now, failure.retry_after)
        self._lost(body, failure)

    def _note_clock(self, host: Host, headers: Mapping[str, str]) -> None:
        date = parse_date(headers.get("date"))
        if date is not None:
            host.offset = date - time.time()

    def _redirect(self, body: Body, headers: Mapping[str, str]) -> None:
        try:
            target = follow(body.url, headers.get("location", ""), body.hops)
        except RedirectRefused as refusal:
            self._failed(body, Failure(kind=FailureKind.NOT_DATA, message=str(refusal)))
            return
        body.hops += 1
        body.next_hop(target)
        self._enqueue(self._host(origin(target)), body.transfer, body)

    # -- failing ----------------------------------------------------------------------------------

    def _bad_content(self, body: Body, failure: Failure) -> None:
        """The file came whole and is not right: once more from the start, a few times."""
        if failure.kind is FailureKind.DISK:
            self._failed(body, failure)
            return
        body.bad_contents += 1
        again = body.bad_contents < _BAD_CONTENTS
        self._failed(
            body,
            Failure(
                kind=failure.kind,
                message=failure.message,
                state=failure.state,
                retry=again,
                fresh=True,
            ),
        )

    def _lost(self, body: Body, failure: Failure) -> None:
        """An attempt ended before the file was whole; perhaps since what came is wrong already."""
        wrong = body.part is not None and isinstance(body.part.error, VerifyFault)
        if wrong and body.part is not None and body.refusal is None:
            self._bad_content(body, content_failure(body.part.error))
        else:
            self._failed(body, failure)

    def _failed(self, body: Body, failure: Failure) -> None:
        transfer = body.transfer
        if failure.fresh:
            body.forget()
        body.total_attempts += 1
        progressed = body.received > 0 and body.resumable
        body.stale_attempts = 1 if progressed else body.stale_attempts + 1
        redirected = body.hops > 0
        if failure.kind is FailureKind.EXPIRED:
            if not redirected:
                self._kept[transfer.job, transfer.file.name] = body
                self._sink.stale(transfer, failure, gained=body.gained)
                return
            failure = Failure(kind=failure.kind, message=failure.message, retry=True)
        patient = body.stale_attempts <= self._retries and body.total_attempts <= 20 * (
            self._retries + 1
        )
        patient = patient and (failure.retry_after or 0.0) <= PATIENCE
        if failure.retry and patient:
            self.counters.retries += 1
            pause = delay(body.stale_attempts - 1, failure.retry_after, rng=random.random)
            if failure.kind is FailureKind.EXPIRED and body.stale_attempts == 1:
                pause = 0.0
            body.begin(transfer)
            if body.split is not None:
                body.split.not_before = time.monotonic() + pause
                self._splits.resume(body)
                return
            heappush(self._later, (time.monotonic() + pause, body.number, body))
            return
        if not failure.fresh and failure.state is not SlotState.CORRUPT:
            self._keep_for_later(body)
        elif body.part is not None:
            body.part.discard()
        if failure.kind in _OF_HOSTS:
            self._host(origin(body.url)).gave_up(failure)
        self._sink.failed(transfer, failure)

    def _keep_for_later(self, body: Body) -> None:
        if body.size > INLINE and body.part is None and body.binding is not None:
            self._receiver.spill(body)
        if body.part is not None:
            self._splits.suspend(body)
            body.part.suspend()
