"""Which configurations name the same destination, and which jobs are there."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from backhaul.config.model import Config


def settle_destinations(configs: Sequence[Config]) -> list[Config]:
    """The configurations, those of one destination with one ``dest``, and their jobs with it.

    It is as the first spells it: all that is kept for a destination (its ledger, its leases, its
    disk) is kept by that path. Each job is told the names of all jobs there.
    """
    spelt: dict[tuple[object, ...], Path] = {}
    names: dict[Path, set[str]] = {}
    dests = []
    for config in configs:
        dest = config.settings.dest
        dest = spelt.setdefault(_identity(dest), dest)
        names.setdefault(dest, set()).update(config.jobs)
        dests.append(dest)
    return [
        _at(config, dest, frozenset(names[dest]))
        for config, dest in zip(configs, dests, strict=True)
    ]


def _at(config: Config, dest: Path, siblings: frozenset[str]) -> Config:
    jobs = {name: replace(job, dest=dest, siblings=siblings) for name, job in config.jobs.items()}
    if dest == config.settings.dest:
        return replace(config, jobs=jobs)
    return replace(config, settings=config.settings.model_copy(update={"dest": dest}), jobs=jobs)


def _identity(dest: Path) -> tuple[object, ...]:
    """What is the same for two spellings of one folder (``..``, links, a mount, upper case)."""
    try:
        found = dest.stat()
    except OSError:  # not made yet, or not to be reached: that is for the command to say
        return (os.path.realpath(dest),)
    return (found.st_dev, found.st_ino)
