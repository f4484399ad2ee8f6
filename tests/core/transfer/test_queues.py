"""Random operations on the queues: each transfer waits in the one place that its state requires."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backhaul.http.pacing import Pacer
from backhaul.transfer.body import Body, State
from backhaul.transfer.queues import Queues
from backhaul.transfer.segments import LARGE, SegmentMap
from backhaul.transfer.table import Table
from backhaul.transfer.unit import Transfer
from backhaul.types import Pace, RemoteFile, Request

JOBS = ("one", "two", "three")
jobs = st.sampled_from(JOBS)
some_jobs = st.lists(jobs, unique=True)
names = st.sampled_from((*"abcdef", "large"))
origins = st.sampled_from(("http://a:1", "http://b:2"))


class Machine(RuleBasedStateMachine):
    """Operates on the table and the queues like the engine, without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.queues = Queues(per_host=4, remembered={})
        self.now = 0.0
        # By this clock, so that a repeated example takes the same course.
        self.queues._pacers["three"] = Pacer(Pace(2), together=True, clock=lambda: self.now)

    def rows(self) -> list[Body]:
        return [body for job in self.table.jobs for body in self.table.of(job)]

    def of(self, state: State) -> list[Body]:
        return [body for body in self.rows() if body.state is state]

    # -- what happens -------------------------------------------------------------------------------

    @rule(job=jobs, these=st.lists(names, unique=True), at=origins, priority=st.integers(0, 2))
    def submit(self, job: str, these: list[str], at: str, priority: int) -> None:
        for name in these:
            self.submit_one(job, name, at, priority)

    def submit_one(self, job: str, name: str, at: str, priority: int) -> None:
        body = self.table.get(job, name)
        if body is not None and body.state is not State.PARKED:
            return  # its job knows that it is active
        url = f"{at}/{name}"
        transfer = Transfer(job, RemoteFile(name, url), Request(url), priority=priority)
        if body is None:
            body = Body(transfer)
            body.segment_map = SegmentMap(LARGE) if name == "large" else None
            self.table.add(body)
        else:
            body.begin(transfer)
        self.queues.put(body)

    @rule(at=origins)
    def start(self, at: str) -> None:
        host = self.queues.host(at)
        if host.ready:
            body = host.pop()
            if not self.queues.slow(body):
                self.queues.started(body)
                body.state = State.ACTIVE

    @rule()
    def next_turns(self) -> None:
        self.queues.next_turns()

    def on_line(self) -> list[Body]:
        return [body for body in self.of(State.ACTIVE) if body not in self.queues.segmented]

    @precondition(on_line)
    @rule(data=st.data(), pause=st.floats(0.0, 5.0))
    def fail_and_retry(self, data: st.DataObject, pause: float) -> None:
        body = data.draw(st.sampled_from(self.on_line()))
        body.size = 1
        self.queues.retry(body, self.now + pause)

    @precondition(on_line)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        assert self.table.remove(data.draw(st.sampled_from(self.on_line())))

    @rule(seconds=st.floats(0.0, 5.0))
    def wake(self, seconds: float) -> None:
        self.now += seconds
        self.queues.wake(self.now)

    @rule(these=some_jobs)
    def pause(self, these: list[str]) -> None:
        self.queues.pause(these)

    @rule(job=jobs)
    def resume(self, job: str) -> None:
        for body in self.queues.resume(job):
            self.queues.put(body)

    @rule(job=jobs)
    def withdraw(self, job: str) -> None:
        queued = {body for body in self.of(State.QUEUED) if body.transfer.job == job}
        taken = self.queues.take([job])
        assert (len(taken), set(taken)) == (len(queued), queued)
        for body in taken:
            self.table.park(body)

    @rule(these=some_jobs)
    def stop(self, these: list[str]) -> None:
        self.queues.drop(these)
        for body in self.rows():
            if body.transfer.job in these:
                self.queues.segmented.discard(body)
                self.table.remove(body)

    # -- what holds ---------------------------------------------------------------------------------

    @invariant()
    def each_transfer_waits_in_the_queue_of_its_state(self) -> None:
        queued = Counter(each[2] for host in self.queues.hosts.values() for each in host.ready)
        paused = Counter(body for each in self.queues.paused.values() for body in each)
        later = Counter(each[2] for each in self.queues.later)
        slowed = Counter(each[2] for waiting in self.queues.slowed.values() for each in waiting)
        assert queued + paused + slowed == Counter(self.of(State.QUEUED))
        assert later == Counter(self.of(State.BACKOFF))
        assert self.queues.segmented <= set(self.of(State.ACTIVE))

    @invariant()
    def waiting_transfers_belong_to_their_host(self) -> None:
        for name, host in self.queues.hosts.items():
            assert all(each[2].origin == name for each in host.ready)

    @invariant()
    def the_lowest_rank_comes_first_then_the_lowest_number(self) -> None:
        for host in self.queues.hosts.values():
            order = [(body.transfer.priority, body.number) for _, _, body in host.ready]
            assert order[:1] == sorted(order)[:1]

    @invariant()
    def nothing_of_a_paused_job_may_begin(self) -> None:
        for host in self.queues.hosts.values():
            assert not any(each[2].transfer.job in self.queues.paused for each in host.ready)
        for entries in self.queues.slowed.values():
            assert {each[2].transfer.job for each in entries} <= {
                "three"
            } - self.queues.paused.keys()
        for job, waiting in self.queues.paused.items():
            assert {body.transfer.job for body in waiting} <= {job}

    @invariant()
    def numbers_are_given_once(self) -> None:
        numbers = [body.number for body in self.rows()]
        assert len(numbers) == len(set(numbers))


TestQueues = Machine.TestCase
