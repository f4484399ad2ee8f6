"""Which configurations name the same destination, however each spells it."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from backhaul.config.model import Config


def same_spelling(configs: Iterable[Config]) -> list[Config]:
    """The configurations, those of one destination with one ``dest``: as the first spells it.

    All that is kept for a destination (its ledger, its leases, its disk) is kept by that path.
    """
    spelt: dict[tuple[object, ...], Path] = {}
    found = []
    for config in configs:
        dest = config.settings.dest
        first = spelt.setdefault(_identity(dest), dest)
        if first != dest:
            config = replace(  # noqa: PLW2901 - the same configuration, spelt another way
                config, settings=config.settings.model_copy(update={"dest": first})
            )
        found.append(config)
    return found


def _identity(dest: Path) -> tuple[object, ...]:
    """What is the same for two spellings of one folder (``..``, links, a mount, upper case)."""
    try:
        found = dest.stat()
    except OSError:  # not made yet, or not to be reached: that is for the command to say
        return (os.path.realpath(dest),)
    return (found.st_dev, found.st_ino)
