"""All that is not on the line: what waits for a connection, for another attempt, for its job."""

from collections.abc import Callable, Collection
from heapq import heapify, heappop, heappush

from backhaul.transfer.body import Body
from backhaul.transfer.held import Held
from backhaul.transfer.hosts import Host
from backhaul.transfer.unit import Transfer, origin
from backhaul.types import Pace


class Pending:
    """Transfers that wait, and what has arrived of them.

    Args:
        per_host: connections to one origin, at most.
        remembered: how many an origin allowed last time.

    Attributes:
        hosts: by origin, each with those that may begin: by rank, then in order.
        ready: how many may begin, over all hosts.
        begun: of those that may begin, by number, what has arrived before.
        later: those that wait for another attempt, a heap of (monotonic time, number, body).
        split: files in pieces, which idle connections continue.
        held: what waits for its job to be released.
        kept: by job and name, what has arrived of files that may be submitted again.
        paces: by origin, how fast the provider likes to be asked.
    """

    def __init__(self, *, per_host: int, remembered: Callable[[str], int | None]) -> None:
        self._per_host = per_host
        self._remembered = remembered
        self._number = 0
        self.hosts: dict[str, Host] = {}
        self.ready = 0
        self.begun: dict[int, Body] = {}
        self.later: list[tuple[float, int, Body]] = []
        self.split: set[Body] = set()
        self.held = Held()
        self.kept: dict[tuple[str, str], Body] = {}
        self.paces: dict[str, Pace] = {}

    def host(self, name: str) -> Host:
        """The origin of that name."""
        host = self.hosts.get(name)
        if host is None:
            host = Host(
                name,
                ceiling=self._per_host,
                start=self._remembered(name),
                pace=self.paces.get(name),
            )
            self.hosts[name] = host
        return host

    def add(self, host: Host, transfer: Transfer, body: Body | None) -> None:
        """Starts a transfer, or resumes its body, when it is its turn."""
        if body is not None and transfer.job in self.held:
            self.put_back(body)
            return
        if body is not None and body.number:
            number = body.number
        else:
            self._number += 1
            number = self._number
        if body is not None:
            body.number = number
            self.begun[number] = body
        host.push(transfer, number)
        self.ready += 1

    def keep(self, body: Body) -> None:
        """Keeps what has arrived of a file until it is submitted again, or forgotten."""
        self.kept[body.transfer.job, body.transfer.file.name] = body

    # -- another attempt ----------------------------------------------------------------------------

    def retry(self, body: Body, when: float) -> None:
        """Resumes a body at a monotonic time."""
        heappush(self.later, (when, body.number, body))

    def wake(self, now: float) -> None:
        """Resumes those whose pause is over."""
        while self.later and self.later[0][0] <= now:
            body = heappop(self.later)[2]
            self.add(self.host(origin(body.url)), body.transfer, body)

    def give_up(self, jobs: Collection[str]) -> list[Body]:
        """Drops the further attempts of some jobs; gives what has arrived."""
        dropped = [entry[2] for entry in self.later if entry[2].transfer.job in jobs]
        self.later = [entry for entry in self.later if entry[2].transfer.job not in jobs]
        heapify(self.later)
        return dropped

    # -- whole jobs ---------------------------------------------------------------------------------

    def jobs(self) -> set[str]:
        """The jobs that anything here is of."""
        jobs = {body.transfer.job for body in self.split}
        jobs.update(entry[2].transfer.job for entry in self.later)
        jobs.update(entry[2].job for host in self.hosts.values() for entry in host.ready)
        jobs.update(job for job, _ in self.kept)
        jobs.update(self.held.jobs)
        return jobs

    def withdraw(self, job: str) -> int:
        """Takes back a job's transfers that have not begun, and keeps what has arrived of them.

        Says how many they were.
        """
        count = 0
        for host in self.hosts.values():
            left = [entry for entry in host.ready if entry[2].job != job]
            for _, number, transfer in host.ready:
                if transfer.job == job:
                    count += 1
                    body = self.begun.pop(number, None)
                    if body is not None:
                        self.kept[job, transfer.file.name] = body
            host.ready[:] = left
            heapify(host.ready)
        self.ready -= count
        return count + self.held.drop(job)

    def hold(self, job: str) -> None:
        """Has what is ready of a job wait until the job is released."""
        queued = (sorted(host.ready) for host in self.hosts.values())
        waiting = [entry[2] for ready in queued for entry in ready if entry[2].job == job]
        self.withdraw(job)
        self.held.hold(job, waiting)

    def put_back(self, body: Body) -> None:
        """Has a body that was under way wait until its job is released."""
        self.keep(body)
        self.held.add(body.transfer)
