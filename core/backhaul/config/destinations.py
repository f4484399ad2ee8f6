"""Detects configurations that share a destination, and the jobs in it."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from backhaul.config.model import Config


def settle_destinations(configs: Sequence[Config]) -> list[Config]:
    """Gives configurations of the same destination, and their jobs, the same ``dest``.

    It is spelled as in the first: a destination's ledger, leases and disk are looked up by that
    path. Each job also gets the names of all jobs there.
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
    """A key that is equal for all spellings of a folder (``..``, links, a mount, upper case)."""
    try:
        found = dest.stat()
    except OSError:  # missing or unreachable: the command reports that
        return (os.path.realpath(dest),)
    return (found.st_dev, found.st_ino)
