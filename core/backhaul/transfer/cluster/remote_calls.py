"""What the driver calls in a Dask worker."""

import asyncio
import logging
import pickle
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from backhaul.transfer.cluster.departures import announce
from backhaul.transfer.cluster.requirements import Requirements
from backhaul.transfer.cluster.session import Session, Start
from backhaul.transfer.processes.plain import unit_of

if TYPE_CHECKING:
    from distributed import Client, Worker

log = logging.getLogger(__name__)

_LOOK: Final = 0.2  # seconds between checks whether a unit is still wanted
_ABANDONED: Final = ("cancelled", "released", "forgotten")


class _NoExchanges(logging.Filter):
    """Keeps Dask from logging what is called many times per second."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log one of Dask's messages."""
        # Also called for what others log, whose values may be of any kind.
        args = record.args
        name = args[0] if isinstance(args, tuple) and len(args) == 1 else None
        return not (isinstance(name, str) and name in {"exchange", "hurry"})


_no_exchanges = _NoExchanges()


_sessions: dict[tuple[str, str], Session] = {}  # by the worker's address and the run


class NotNow(NamedTuple):
    """The answer of a worker that takes no tasks now.

    Attributes:
        status: its status in Dask: paused, closing, ...
    """

    status: str


async def open_session(
    requirements: Requirements, start: Start, dask_worker: "Worker"
) -> str | NotNow:
    """Starts a session in a worker; returns the requirement that it does not meet, or an empty string."""
    if dask_worker.status.name != "running":
        return NotNow(dask_worker.status.name)
    loop = asyncio.get_running_loop()
    logging.getLogger("distributed.worker").addFilter(
        _no_exchanges
    )  # only once, however often it is called
    missing = await asyncio.to_thread(requirements.unmet)
    if missing:
        return missing
    key = dask_worker.address, start.run
    if (before := _sessions.pop(key, None)) is not None:
        before.close()
    scratch = Path(dask_worker.local_directory) / f"backhaul-{start.session}"
    session = await asyncio.to_thread(Session, start, scratch, loop)
    _sessions[key] = session
    watch = loop.create_task(_watch(key, session, dask_worker))
    _watching.add(watch)
    watch.add_done_callback(_watching.discard)
    return ""


_watching: set["asyncio.Task[None]"] = set()


async def _watch(key: tuple[str, str], session: Session, dask_worker: "Worker") -> None:
    """Ends a session whose driver is gone, or whose worker ends upon a signal."""
    try:
        while _sessions.get(key) is session:
            await asyncio.sleep(1.0)
            if session.driver_is_silent:
                break
    except asyncio.CancelledError:  # the worker's loop ends
        if _sessions.get(key) is session:
            session.close()
            await announce(session.name, dask_worker)
        raise
    finally:
        if _sessions.get(key) is session:
            del _sessions[key]
            session.close()


async def call(
    client: "Client | None", function: Callable[..., Any], run: str, workers: Collection[str]
) -> None:
    """Calls a function of this module in workers, by address; what does not respond is noticed elsewhere."""
    if client is None or not workers:
        return
    try:
        await client.run(function, run, workers=list(workers), on_error="ignore")
    except Exception as error:  # whatever Dask raises for a lost connection
        log.debug("workers do not respond", exc_info=error)


async def examine(requirements: Requirements) -> str:
    """The requirement that a worker does not meet, or an empty string."""
    return await asyncio.to_thread(requirements.unmet)


async def exchange(run: str, data: bytes, dask_worker: "Worker") -> bytes | None:
    """Exchanges messages with a session, and returns Dask's status of the worker; None if there is none."""
    session = _sessions.get((dask_worker.address, run))
    if session is None:
        return None
    found = await session.exchange(pickle.loads(data))  # noqa: S301 - from the driver
    if ("closed",) in found:
        _sessions.pop((dask_worker.address, run), None)
    return pickle.dumps((dask_worker.status.name, found), pickle.HIGHEST_PROTOCOL)


async def hurry(run: str, dask_worker: "Worker") -> None:
    """Lets the exchange in progress return, so that the next one can bring messages."""
    session = _sessions.get((dask_worker.address, run))
    if session is not None:
        session.hurry()


async def end_session(run: str, dask_worker: "Worker") -> None:
    """Ends a session, if there is one; its last messages are sent by ``exchange``."""
    session = _sessions.get((dask_worker.address, run))
    if session is not None:
        session.close()


def carry_out(run: str, job: str, context: bytes, data: bytes) -> None:
    """Carries out a unit, as a Dask task. Its outcomes are sent by ``exchange``."""
    from distributed import get_worker, secede  # noqa: PLC0415 - an extra

    worker = get_worker()
    key = worker.get_current_task()
    session = _sessions.get((worker.address, run))
    if session is None:
        raise RuntimeError("the run has ended")
    work = unit_of(pickle.loads(data))  # noqa: S301 - from the driver
    try:
        unit = session.take(job, context, work)
    except Exception as error:
        session.broke(error)
        raise
    secede()  # it only waits, so the worker may begin the next unit
    while not unit.over.wait(_LOOK):
        task = worker.state.tasks.get(key)
        if session.over or session.driver_is_silent:
            return
        if task is None or task.state in _ABANDONED:
            session.give_up(unit)
            return
