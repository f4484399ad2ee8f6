"""Whether a worker that is gone was asked to end, or has crashed: the scheduler's events say so."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from distributed import Client, Worker

log = logging.getLogger(__name__)

_LAST: Final = 2.0  # seconds to say good-bye


async def starts(client: "Client", address: str) -> int:
    """How many workers have been started at an address so far."""
    return sum(each.get("action") == "add-worker" for each in await _events(client, address))


async def announce(session: str, dask_worker: "Worker") -> None:
    """Tells the scheduler that this worker ends; without a nanny, Dask itself does not upon a signal."""
    from distributed.core import rpc  # noqa: PLC0415 - an extra

    event = {"action": "end-session", "session": session}
    try:
        # The worker's own connections are being closed.
        async with (
            asyncio.timeout(_LAST),
            rpc(dask_worker.scheduler.address, connection_args=dask_worker.connection_args) as told,
        ):
            await told.log_event(topic=dask_worker.address, msg=event)
    except Exception as error:  # whatever Dask raises if the scheduler is gone too
        log.debug("cannot tell the scheduler that this worker ends", exc_info=error)


async def was_asked_to_end(client: "Client", address: str, *, start: int, session: str) -> bool:
    """Whether a worker was restarted, retired or terminated.

    Args:
        client: a connection to the scheduler.
        address: the worker's.
        start: what ``starts`` returned while it was there; later ones may have had its address.
        session: names it in the run.
    """
    number = 0
    for event in await _events(client, address):
        action = event.get("action")
        number += action == "add-worker"
        if event.get("session") == session:
            return True
        if number == start and (
            action == "closing-worker" or (action == "remove-worker" and event.get("expected"))
        ):
            return True
    return False


async def _events(client: "Client", address: str) -> Iterable[Mapping[str, Any]]:
    found = await client.get_events(address)
    return [event for _, event in found if isinstance(event, Mapping)]
