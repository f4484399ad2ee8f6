"""Decides which process carries out which transfers, and keeps track of them."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from backhaul.errors import FailureKind
from backhaul.transfer.executor import MANY, WorkUnit, host_of
from backhaul.transfer.hosts import PATIENCE
from backhaul.transfer.outcome import Failed, Outcome, Retrying, Stale, Withdrawn
from backhaul.transfer.processes.assigned import Assigned
from backhaul.transfer.processes.auto import MUCH, BacklogWatch
from backhaul.transfer.processes.crew import Crew
from backhaul.transfer.processes.lanes import Backlog, Lane, portion
from backhaul.transfer.processes.packing import unpack
from backhaul.transfer.processes.this_process import ThisProcess
from backhaul.transfer.processes.worker_handle import WorkerHandle
from backhaul.transfer.unit import Failure, Transfer

log = logging.getLogger(__name__)

_DEATHS: Final = 3  # number of workers that may die while they have a file before it fails
_REFUSALS: Final = 4  # consecutive responses that ask for fewer requests
_PAUSE: Final = 1.0  # seconds for which others then pause
_DRAIN: Final = 0.5  # seconds to wait for an origin's open transfers before it moves
_FEW: Final = 32  # transfers per unit and per origin while workers may still take over
_AGAIN: Final = 2.5  # seconds until the next try

_Process = WorkerHandle | ThisProcess
_Owned = tuple[str, str]  # job and name


class Dispatch:
    """Assigns waiting transfers to processes; on the pool's thread.

    Args:
        crew: the workers.
        here: this process.
        deliver: receives outcomes.

    Attributes:
        contexts: by job, as sent to workers; None if it cannot be sent.
    """

    def __init__(
        self, crew: Crew[Any], here: ThisProcess, *, deliver: Callable[[Sequence[Outcome]], None]
    ) -> None:
        self._crew = crew
        self._here = here
        self._deliver = deliver
        self._backlog = Backlog()
        self._paced: set[str] = set()
        # Transfers whose received data one process keeps; None if that process has died.
        self._kept: dict[str, dict[str, Assigned | None]] = {}
        self._deaths: Counter[_Owned] = Counter()
        self._suspects: list[WorkUnit] = []  # each of a single file that may have killed a worker
        self._watch = BacklogWatch()
        self.contexts: dict[str, bytes | None] = {}

    @property
    def held(self) -> dict[str, int]:
        """Number of waiting transfers by held job."""
        return self._backlog.held if self._backlog.paused else {}

    # -- jobs ---------------------------------------------------------------------------------------

    def begin(self, job: str, context: bytes | None) -> None:
        """A job starts; ``context`` is None if it cannot be sent."""
        self.contexts[job] = context

    def unable(self, job: str, reason: str) -> None:
        """A worker cannot take a job on, for example because it cannot load its plugin."""
        if self.contexts.get(job) is None:
            return
        log.info("%s: runs in one process: %s", job, reason)
        self.contexts[job] = None
        for worker in self._crew.workers.values():
            self._again(job, worker.assigned.take(job), partial=False)
            worker.send("cancel", [job])

    def end(self, job: str) -> None:
        """A job has no transfers left."""
        self._here.send("end", job)
        self._crew.tell(job, "end", job)
        for process in self._processes:
            process.assigned.end(job)
        for worker in self._crew.workers.values():
            worker.announced.discard(job)
            worker.quiet.pop(job, None)
        self._kept.pop(job, None)
        self.contexts.pop(job, None)

    def withdraw(self, job: str) -> None:
        """Withdraws a job's transfers that have not started."""
        units = self._backlog.take([job])
        units += [unit for unit in self._suspects if unit.job == job]
        self._suspects = [unit for unit in self._suspects if unit.job != job]
        names = frozenset(each.file.name for unit in units for each in unit.transfers)
        self._deliver([Withdrawn(job, names)])
        self._here.send("withdraw", job)
        self._crew.tell(job, "withdraw", job)

    def forget(self, job: str) -> None:
        """Discards data kept for a job's files."""
        self._kept.pop(job, None)
        self._here.send("forget", job)
        self._crew.tell(job, "forget", job)

    def hold(self, jobs: Collection[str]) -> None:
        """Starts no more transfers of some jobs."""
        self._backlog.pause(jobs)
        self._here.send("hold", jobs)
        for job in jobs:
            self._crew.tell(job, "hold", [job])

    def release(self, job: str) -> None:
        """Resumes a held job."""
        self._backlog.resume(job)
        self._here.send("release", job)
        self._crew.tell(job, "release", job)

    def cancel(self, jobs: Collection[str] | None) -> None:
        """Stops the transfers of some jobs (None: all)."""
        self._backlog.take(jobs)
        self._suspects = [
            unit for unit in self._suspects if jobs is not None and unit.job not in jobs
        ]
        self._here.send("cancel", jobs)
        for worker in self._crew.workers.values():
            worker.quiet.clear()
            worker.send("cancel", jobs)
        for process in self._processes:
            for job in process.assigned.jobs if jobs is None else jobs:
                process.assigned.cancel(job)

    def is_busy(self, job: str) -> bool:
        """Whether a worker may still write something for a job: it has not reported otherwise."""
        busy = False
        for worker in self._crew.workers.values():
            if worker.knows(job) and not worker.quiet.get(job, False):
                busy = True
                if job not in worker.quiet:
                    worker.quiet[job] = False
                    worker.send("quiet", job)
        return busy

    def keep_here(self, host: str) -> None:
        """An origin has a pace, which only one process can keep."""
        self._paced.add(host)
        if host in self._backlog.lanes:
            self._backlog.lanes[host].stays = True

    # -- units --------------------------------------------------------------------------------------

    def submit(self, unit: WorkUnit) -> None:
        """Accepts a unit."""
        kept = self._kept.get(unit.job)
        if kept:
            unit = self._resume(unit, kept)
        if unit.transfers:
            self._add(unit)

    def keep(self, unit: WorkUnit) -> None:
        """Accepts a unit that this process must carry out."""
        kept = self._kept.get(unit.job, {})
        for transfer in unit.transfers:
            kept.pop(transfer.file.name, None)
        self._here.assigned.add(unit, host_of(unit.transfers[0]))
        self._here.submit(unit)

    def repeat(self, worker: WorkerHandle, unit: WorkUnit) -> None:
        """A worker has ended a unit without an outcome for some of its transfers."""
        assigned, job = worker.assigned, unit.job
        # With a fresh link, a file may be part of a later unit too.
        left = [each for each in unit.transfers if assigned.get(job, each.file.name) is each]
        taken = [assigned.remove(job, each.file.name) for each in left]
        self._again(job, [each for each in taken if each], partial=False)

    def _resume(self, unit: WorkUnit, kept: dict[str, Assigned | None]) -> WorkUnit:
        """Assigns transfers to the processes that keep their data; returns the rest."""
        rest: list[Transfer] = []
        partials = set(unit.partials)
        for transfer in unit.transfers:
            name = transfer.file.name
            if name not in kept:
                rest.append(transfer)
                continue
            owner = kept.pop(name)
            found = [each for each in self._processes if each.assigned is owner]
            if found:
                self._give(found[0], WorkUnit(unit.job, (transfer,)), host_of(transfer))
            else:
                partials.add(name)
                rest.append(transfer)
        return WorkUnit(unit.job, tuple(rest), frozenset(partials))

    def _add(self, unit: WorkUnit, *, first: bool = False) -> None:
        host = host_of(unit.transfers[0])
        crew = self._crew
        stays = host in self._paced or self.contexts.get(unit.job) is None
        if crew.waits and not stays:
            crew.start()
        lane = self._backlog.lane(host, here=stays or crew.hopeless or not crew.started)
        if stays:
            lane.stays = True
        self._backlog.add(lane, unit, first=first)

    def _again(self, job: str, transfers: Sequence[Transfer], *, partial: bool) -> None:
        """Transfers that a process did not carry out go to another one, before all others."""
        by_host: dict[str, list[Transfer]] = {}
        for transfer in transfers:
            by_host.setdefault(host_of(transfer), []).append(transfer)
        for some in by_host.values():
            names = frozenset(each.file.name for each in some) if partial else frozenset()
            self._add(WorkUnit(job, tuple(some), names), first=True)

    # -- outcomes -----------------------------------------------------------------------------------

    def settled_here(self, outcomes: Sequence[Outcome]) -> None:
        """Outcomes of this process, which the driver has received."""
        for outcome in outcomes:
            self._settle(self._here, outcome)

    def take(self, worker: WorkerHandle, packed: Sequence[tuple[Any, ...]]) -> None:
        """Delivers a worker's outcomes."""
        outcomes = map(worker.received, unpack(packed, worker.assigned.get))
        kept = [outcome for outcome in outcomes if self._settle(worker, outcome)]
        if kept:
            self._deliver(kept)

    def _settle(self, process: _Process, outcome: Outcome) -> bool:
        """Notes an outcome; returns whether the driver should receive it."""
        assigned = process.assigned
        if isinstance(outcome, Withdrawn):
            taken = [assigned.remove(outcome.job, name) for name in outcome.names]
            if outcome.given_back:
                self._again(outcome.job, [each for each in taken if each], partial=False)
                return False
            if outcome.kept:
                self._kept.setdefault(outcome.job, {}).update(dict.fromkeys(outcome.kept, assigned))
            return True
        transfer = outcome.transfer
        job, name = transfer.job, transfer.file.name
        if isinstance(outcome, Retrying):
            self._note_refusal(process, transfer, outcome.failure)
            return True
        if assigned.remove(job, name) is None:
            return isinstance(process, ThisProcess) or not isinstance(outcome, Failed | Stale)
        if isinstance(outcome, Stale):
            self._kept.setdefault(job, {})[name] = assigned
        elif isinstance(outcome, Failed):
            if outcome.failure.untried and self._others_try(process, transfer):
                return False
            self._note_refusal(process, transfer, outcome.failure)
        else:
            lane = self._backlog.lanes.get(host_of(transfer))
            if lane is not None:
                lane.refusals = 0
        return True

    def _note_refusal(self, process: _Process, transfer: Transfer, failure: Failure) -> None:
        """Leaves an origin to the worker that it asked for fewer requests."""
        lane = self._backlog.lanes.get(host_of(transfer))
        if lane is None or not failure.pushback or isinstance(process, ThisProcess):
            return
        if failure.retry_after is not None and failure.retry_after > PATIENCE:
            return  # longer than a run waits: the file fails
        lane.refusals += 1
        if lane.left_to is not None or (failure.retry_after is None and lane.refusals < _REFUSALS):
            return
        lane.left_to = process.number
        for worker in self._crew.usable:
            if worker is not process:
                worker.send("give_back", lane.host, failure.retry_after or _PAUSE)

    def _others_try(self, process: _Process, transfer: Transfer) -> bool:
        """Whether any worker has not given up an origin; such a worker gets the transfer."""
        lane = self._backlog.lanes.get(host_of(transfer))
        if lane is None or isinstance(process, ThisProcess):
            return False
        lane.given_up.add(process.number)
        if lane.given_up.issuperset(self._crew.workers):
            return False
        self._again(transfer.job, [transfer], partial=True)
        return True

    def lost(self, worker: WorkerHandle, *, expected: bool) -> None:
        """A worker has ended: others carry out its transfers, again from the start of each."""
        self._crew.lost(worker, expected=expected)
        if expected:
            return
        for kept in self._kept.values():
            for name, owner in kept.items():
                if owner is worker.assigned:
                    kept[name] = None
        for transfers in worker.assigned.take_all():
            usual = transfers if worker.dismissed else list(filter(self._is_no_suspect, transfers))
            if usual:
                self._again(usual[0].job, usual, partial=True)

    def _is_no_suspect(self, transfer: Transfer) -> bool:
        """A worker has died with this transfer: after several deaths, it is carried out alone, or fails."""
        self._deaths[transfer.job, transfer.file.name] += 1
        deaths = self._deaths[transfer.job, transfer.file.name]
        if deaths >= _DEATHS:
            text = f"{deaths} worker processes died while fetching or verifying it"
            self._deliver([Failed(transfer, Failure(kind=FailureKind.FAILED, message=text))])
        elif deaths > 1:
            names = frozenset([transfer.file.name])
            self._suspects.append(WorkUnit(transfer.job, (transfer,), names))
        return deaths == 1

    # -- assigning ----------------------------------------------------------------------------------

    @property
    def _processes(self) -> list[_Process]:
        return [self._here, *self._crew.workers.values()]

    def turn(self, now: float) -> None:
        """Assigns units to processes that have few."""
        if not self._crew.started and not self._crew.waits:
            waiting = self._backlog.movable
            if waiting > MUCH:
                self._crew.prepare()
            if self._watch.pays(now, finished=self._here.finished, waiting=waiting):
                self._crew.start()
        alone = self._isolated()
        for lane in list(self._backlog.lanes.values()):
            if lane.files and self._is_in_place(lane, now):
                self._feed(lane, [each for each in self._takers(lane) if each is not alone])

    def _feed(self, lane: Lane, takers: Sequence[_Process]) -> None:
        enough, most = self._crew.enough, MANY
        if lane.here and not lane.stays and self._watch.may_be_busy:  # the rest is for workers
            enough = most = _FEW
        elif not lane.here and len(self._crew.usable) < self._crew.wanted:  # others get their share
            enough = max(1, min(enough, lane.files // self._crew.wanted))
        while lane.files and takers:
            process = min(takers, key=lambda each: each.assigned.at[lane.host])
            if process.assigned.at[lane.host] >= enough:
                return
            fewest = min(self._crew.least, -(-lane.files // len(takers)))  # none stays idle
            size = min(most, max(portion(lane.files, len(takers)), fewest))
            self._give(process, lane.cut(size), lane.host)

    def _give(self, process: _Process, unit: WorkUnit, host: str) -> None:
        context = self.contexts.get(unit.job)
        if isinstance(process, ThisProcess):
            if self._backlog.lanes[host].stays:
                self._crew.share_with_here()
        elif context is not None:
            process.begin(unit.job, context)
        process.assigned.add(unit, host)
        process.submit(unit)

    def _takers(self, lane: Lane) -> Sequence[_Process]:
        if lane.here:
            return [self._here]
        usable = self._crew.usable
        fit = usable
        if not lane.given_up.issuperset(self._crew.workers):  # a suitable one may not be ready yet
            fit = [each for each in usable if each.number not in lane.given_up]
        if lane.left_to is None:
            return fit
        return [each for each in fit if each.number == lane.left_to] or fit[:1]

    def _isolated(self) -> WorkerHandle | None:
        """Carries out suspects one by one, in a worker with nothing else to do; returns that worker."""
        usable = self._crew.usable
        if not self._suspects or not usable:
            return None
        worker: WorkerHandle = usable[-1]
        if not worker.assigned:
            unit = self._suspects.pop()
            self._give(worker, unit, host_of(unit.transfers[0]))
        return worker

    def _is_in_place(self, lane: Lane, now: float) -> bool:
        """Moves an origin to where it belongs; returns whether its transfers may be assigned now."""
        crew = self._crew
        here = lane.stays or not crew.in_use
        if lane.here == here:
            return True
        old = [self._here] if lane.here else list(crew.workers.values())
        if not any(each.fetches(lane.host) for each in old):
            lane.here = here
            lane.drains_since = 0.0
            return True
        if not lane.drains_since:
            lane.drains_since = now
            for each in old:
                each.leave_origin(lane.host)
        waited = now - lane.drains_since
        if waited > _AGAIN:
            lane.drains_since = 0.0
        return waited > _DRAIN
