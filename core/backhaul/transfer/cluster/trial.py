"""Tests a cluster without a run."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path

from backhaul.storage.location import Location
from backhaul.transfer.cluster.answers import reason
from backhaul.transfer.cluster.attach import connect, leave
from backhaul.transfer.cluster.remote_calls import examine
from backhaul.transfer.cluster.requirements import Probe, Requirements, this_version


def try_cluster(
    address: str, *, plugins: Mapping[str, str], archives: Collection[Location]
) -> Mapping[str, str]:
    """Checks whether each worker meets the requirements of a run; leaves nothing behind.

    Args:
        address: the scheduler's.
        plugins: labels of the providers' plugins, by the providers' names.
        archives: the destinations; folders are only tested if they exist.

    Returns:
        For each worker's address, why it cannot be used; empty if it can.

    Raises:
        ConfigError: distributed is not installed.
        UnreachableError: no scheduler responds.
        OSError: a folder cannot be written.
    """
    with ExitStack() as open_until:
        folders = [each.folder for each in archives if each.folder is not None]
        probes: list[Probe] = []
        for folder in filter(Path.is_dir, folders):
            probes.append(Probe(folder, folder))
            open_until.callback(probes[-1].remove)
        stores = {each: "doctor" for each in archives if each.folder is None}
        requirements = Requirements(this_version(), plugins, tuple(probes), stores)
        return asyncio.run(_asked(address, requirements))


async def _asked(address: str, requirements: Requirements) -> Mapping[str, str]:
    client = await connect(address)
    try:
        found = await client.run(examine, requirements, on_error="return")
        return {
            worker: "does not respond" if (why := reason(answer)) is None else why
            for worker, answer in found.items()
        }
    finally:
        await leave(client)
