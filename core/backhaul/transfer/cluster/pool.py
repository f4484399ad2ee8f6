"""An Executor that uses this process and the workers of a Dask cluster."""

import asyncio
import logging
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from backhaul.storage.away_parts import away_folder, mark_ended, recover
from backhaul.storage.parts import LocalParts
from backhaul.transfer.cluster.attach import connect, leave
from backhaul.transfer.cluster.crew import ClusterCrew
from backhaul.transfer.cluster.requirements import Probe, Requirements
from backhaul.transfer.cluster.session import RemoteJob
from backhaul.transfer.cluster.worker import DaskWorker, Job
from backhaul.transfer.context import Elsewhere, JobContext
from backhaul.transfer.executor import Setup, WorkUnit
from backhaul.transfer.processes.pool import Pool, packed
from backhaul.transfer.unit import Transfer

if TYPE_CHECKING:
    from distributed import Client


log = logging.getLogger(__name__)

_TURN: Final = 0.1  # maximum seconds that the thread waits
_CLOSING: Final = 10.0  # seconds that workers may take to end
_AT_ONCE: Final = 1.2  # seconds, after a stop


class ClusterPool(Pool):
    """Carries out transfers on the workers of a cluster; those that must stay here, in this process.

    These are: paced sources, requests with credentials (see ``Elsewhere``), and files that replace an
    object in a store, since the ledger must record that first. One thread does everything that concerns
    the cluster, on its own event loop.

    Args:
        setup: see Setup.

    Raises ConfigError if distributed is not installed, and see Engine.
    """

    def __init__(self, setup: Setup) -> None:
        settings = setup.settings
        # The sum over all workers applies to each host.
        connections = min(setup.connections, settings.connections_per_host)
        self._loop = asyncio.new_event_loop()
        self._bell = asyncio.Event()
        super().__init__(setup._replace(connections=connections), wake=self._wake)
        self._settings = settings
        self._run_id = token_hex(4)
        self._tasks = 0
        self._probes: dict[Path, Probe] = {}
        self._closing_at = 0.0
        self._stopped = False
        self._address = str(settings.cluster)
        self._jobs: dict[str, Job] = {}
        self._crew = ClusterCrew(
            self._here,
            settings=settings,
            connections=connections,
            post=self._post,
            run=self._run_id,
            address=self._address,
            lost=self._lose,
            take=self._handle_message,
            key=self._next_key,
        )
        self._lead(self._crew)
        self._thread = Thread(target=self._run, name="backhaul-cluster", daemon=True)
        self._thread.start()

    def _next_key(self, job: str) -> str:
        self._tasks += 1
        name = self._crew.jobs[job].elsewhere.name
        return f"backhaul-{name}-{self._tasks:04d}-{self._run_id}"

    # -- jobs and transfers -------------------------------------------------------------------------

    def begin(self, job: str, context: JobContext) -> None:
        where, workspace = context.elsewhere, context.workspace
        if where is not None and context.pace is None and isinstance(workspace, LocalParts):
            self._jobs[job] = Job(where, workspace, context.rejected)
            self._post(self._require, job, self._jobs[job])
        super().begin(job, context)

    def sent(self, job: str, context: JobContext) -> bytes | None:
        """A job's context for workers; None if it stays here."""
        where = context.elsewhere
        if where is None or job not in self._jobs:
            return None
        rejected = None if context.rejected is None else context.rejected.of(None)
        limit = self._settings.rejected_limit
        return packed(job, RemoteJob(where.name, where.dest, context.check, rejected, limit))

    def _require(self, job: str, found: Job) -> None:
        where = found.elsewhere
        self._crew.jobs[job] = found
        requirements = self._crew.requirements
        plugins = {**requirements.plugins, where.provider: where.label}
        probes, stores = requirements.probes, dict(requirements.stores)
        if where.dest.folder is None:
            stores.setdefault(where.dest, where.name)
        elif where.dest.workspace not in self._probes:
            probe = Probe(where.dest.folder, where.dest.workspace)
            self._probes[where.dest.workspace] = probe
            probes = (*probes, probe)
        new = Requirements(requirements.version, plugins, probes, stores)
        if new != requirements:
            self._crew.require(new)

    def submit(self, unit: WorkUnit) -> None:
        job = self._jobs.get(unit.job)
        here = (
            [] if job is None else [each for each in unit.transfers if _stays(each, job.elsewhere)]
        )
        if not here:
            super().submit(unit)
            return
        self._post(self._dispatch.keep, unit._replace(transfers=tuple(here)))
        names = {each.file.name for each in here}
        rest = tuple(each for each in unit.transfers if each.file.name not in names)
        if rest:
            super().submit(unit._replace(transfers=rest))

    def end(self, job: str) -> None:
        found = self._jobs.pop(job, None)
        if found is not None:
            self._clear(
                found, [each.session for each in list(self._crew.workers.values())], ended=False
            )
        super().end(job)
        self._post(self._ended, job)

    def _ended(self, job: str) -> None:
        self._crew.jobs.pop(job, None)
        for worker in self._crew.workers.values():
            worker.leave(job)

    def _clear(self, job: Job, sessions: Collection[str] = (), *, ended: bool) -> None:
        """Removes workers' folders of a job; these sessions write nothing more for it.

        ``ended``: only those of sessions that have ended. The next run removes the others.
        """
        where = job.elsewhere
        if where.dest.is_remote:
            ended = False  # all are on this machine, and written by this process
        for session in sessions:
            with suppress(FileNotFoundError):  # it had no files of the job
                mark_ended(away_folder(where.dest, where.name, session))
        try:
            recover(where.dest, where.name, job.workspace, ended=ended)
        except OSError as error:
            log.warning("%s: cannot remove what workers left behind: %s", where.name, error)

    def cancel(self, jobs: Collection[str] | None) -> None:
        if jobs is None:
            self._stopped = True
        super().cancel(jobs)

    # -- the thread ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends all sessions after their results were delivered, and the connection."""
        self._close(self._begin_closing)
        self._loop.close()
        for job in self._jobs.values():
            self._clear(job, ended=True)
        for probe in self._probes.values():
            probe.remove()

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._bell.set)

    def _begin_closing(self) -> None:
        self._closing_at = time.monotonic() + (_AT_ONCE if self._stopped else _CLOSING)
        self._crew.close()

    @property
    def _over(self) -> bool:
        if not self._closing_at:
            return False
        # If all jobs have ended, nothing is being written, so there is nothing to wait for.
        ended = self._crew.asked_to_end and (
            not self._jobs or all(each.closed for each in self._crew.workers.values())
        )
        return ended or time.monotonic() > self._closing_at

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._lead_all())
        except BaseException as error:
            log.debug("the cluster's thread ends", exc_info=True)
            self._crashed(error)

    async def _lead_all(self) -> None:
        attaching = asyncio.create_task(connect(self._address))
        attaching.add_done_callback(lambda _: self._bell.set())
        client = None
        try:
            while not self._over:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._bell.wait(), _TURN)
                self._bell.clear()
                self._mailbox.deliver()
                if client is None and attaching.done():
                    client = attaching.result()
                    self._crew.attach(client)
                if client is not None and client.status != "running" and not self._closing_at:
                    raise self._crew.gone()
                self._crew.look()
                self._turn()
        finally:
            attaching.cancel()
            await asyncio.wait([attaching])
            await self._leave(client)

    async def _leave(self, client: "Client | None") -> None:
        await self._crew.leave()
        if client is not None:
            await leave(client)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _turn(self) -> None:
        if not self._closing_at:
            for worker in list(self._crew.workers.values()):
                for unit in worker.missed():
                    self._dispatch.repeat(worker, unit)
            self._dispatch.turn(time.monotonic())
        self._crew.watch()
        self._waiting = self._dispatch.held

    def _lose(self, worker: DaskWorker) -> None:
        self._dispatch.lost(worker, expected=bool(self._closing_at))

    async def _handle_message(self, worker: DaskWorker, message: tuple[Any, ...]) -> None:
        name, *values = message
        if name == "closed":
            worker.closed = True
        elif name in {"rejected", "keep"}:
            job = self._jobs.get(values[0])
            if job is not None:
                await worker.keep_rejected(job, name, values[1:])
        else:
            self._take(worker, name, values)
        self._bell.set()  # it may need more transfers, or be the last to end


def _stays(transfer: Transfer, where: Elsewhere) -> bool:
    """Whether this process carries out a transfer."""
    request = transfer.request
    if not where.credentials and (request.headers or request.auth is not None):
        return True
    # The ledger must record it before an object is replaced.
    return where.dest.is_remote and where.size_of(transfer.file.name) is not None
