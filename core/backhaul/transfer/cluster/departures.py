"""Whether a worker that is gone was asked to end, or has crashed: the scheduler's events say so."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client


async def starts(client: "Client", address: str) -> int:
    """How many workers have been started at an address so far."""
    return sum(each.get("action") == "add-worker" for each in await _events(client, address))


async def was_asked_to_end(client: "Client", address: str, start: int) -> bool:
    """Whether a worker was restarted, retired or terminated.

    Args:
        client: a connection to the scheduler.
        address: the worker's.
        start: what ``starts`` returned while it was there; later ones may have had its address.
    """
    number = 0
    for event in await _events(client, address):
        action = event.get("action")
        number += action == "add-worker"
        if number == start and (
            action == "closing-worker" or (action == "remove-worker" and event.get("expected"))
        ):
            return True
    return False


async def _events(client: "Client", address: str) -> Iterable[Mapping[str, Any]]:
    found = await client.get_events(address)
    return [event for _, event in found if isinstance(event, Mapping)]
