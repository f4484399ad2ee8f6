"""Destinations as configured, and which configurations share one."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from backhaul.config.model import Config
from backhaul.config.settings import Settings
from backhaul.storage.location import STATE, Location, workspace_name


def locate(settings: Settings, home: Path) -> tuple[Settings, Location]:
    """The settings with absolute paths, and the destination.

    Args:
        settings: as configured.
        home: the folder of the YAML file.
    """
    dest = settings.dest
    if isinstance(dest, Path):
        dest = Path(home, dest).absolute()
        return settings.model_copy(update={"dest": dest}), Location.of_folder(dest)
    workspace = settings.workspace or Path(STATE, workspace_name(dest))
    workspace = Path(home, workspace).absolute()
    found = Location(dest, workspace, settings.store)
    return settings.model_copy(update={"workspace": workspace}), found


def settle_destinations(configs: Sequence[Config]) -> list[Config]:
    """Gives configurations of the same destination, and their jobs, the same ``dest``.

    It is that of the first configuration, by which a destination's ledger, leases and disk are looked up.
    Each job also gets the names of all jobs there.
    """
    spelt: dict[tuple[object, ...], Config] = {}
    names: dict[Location, set[str]] = {}
    # A run may create a folder meanwhile: each is looked at once.
    firsts = [spelt.setdefault(_identity(config.dest), config) for config in configs]
    for config, first in zip(configs, firsts, strict=True):
        names.setdefault(first.dest, set()).update(config.jobs)
    return [_at(config, first, names) for config, first in zip(configs, firsts, strict=True)]


def _at(config: Config, first: Config, names: dict[Location, set[str]]) -> Config:
    dest, siblings = first.dest, frozenset(names[first.dest])
    jobs = {name: replace(job, dest=dest, siblings=siblings) for name, job in config.jobs.items()}
    if dest == config.dest:
        return replace(config, jobs=jobs)
    same = {key: getattr(first.settings, key) for key in ("dest", "workspace", "store")}
    return replace(config, dest=dest, settings=config.settings.model_copy(update=same), jobs=jobs)


def _identity(dest: Location) -> tuple[object, ...]:
    """A key that is equal for all spellings of a folder (``..``, links, a mount, upper case)."""
    if dest.folder is None:
        return (dest.url, dest.store.endpoint if dest.store is not None else None)
    try:
        found = dest.folder.stat()
    except OSError:  # missing or unreachable: the command reports that
        return (os.path.realpath(dest.folder),)
    return (found.st_dev, found.st_ino)
