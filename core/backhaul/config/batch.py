"""Several configurations used together, and the plugins of their sources."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from backhaul.config.load import Given, load_many
from backhaul.config.model import Config
from backhaul.config.settings import Settings
from backhaul.errors import ConfigError, PluginError
from backhaul.storage.location import Location

if TYPE_CHECKING:
    from backhaul.plugins.discovery import Plugins

log = logging.getLogger(__name__)
# Settings of the run as a whole; each file has its own dest and wait.
_RUN_WIDE = frozenset(
    {
        "connections", "connections_per_host", "limit_rate", "retries", "max_duration",
        "min_free_space", "disk_patience", "durable", "rejected_limit", "workspace_limit",
        "cluster", "allow_insecure_cluster",
    }
)  # fmt: skip


def load_configs(
    given: Sequence[Given], *, offline: bool = False
) -> "tuple[list[Config], Plugins]":
    """Loads files and validates them with their providers' plugins. Raises ConfigError.

    Args:
        given: files or mappings.
        offline: variables of sources may be unset.
    """
    from backhaul.plugins.discovery import Plugins  # noqa: PLC0415 - 20 ms that no outline needs

    plugins = Plugins()
    configs = load_many(given, providers=lambda name: plugins.load(name).info, offline=offline)
    return configs, plugins


def load_outline(given: Sequence[Given]) -> list[Config]:
    """Loads files without their providers' keys: only job names and folders, fast and offline.

    This way, the ledger can be shown on a machine where a plugin is missing. Raises ConfigError.
    """
    try:
        return load_many(given, providers=_no_plugin, offline=True)
    except ConfigError:
        configs, _ = load_configs(given, offline=True)  # reports all errors in full
        return configs


def run_wide(configs: Sequence[Config]) -> Settings:
    """The settings of a run over several files: those of the first."""
    first = configs[0]
    for other in configs[1:]:
        differing = sorted(
            key
            for key in _RUN_WIDE
            & (other.settings.model_fields_set | first.settings.model_fields_set)
            if getattr(other.settings, key) != getattr(first.settings, key)
        )
        if differing:
            log.warning(
                "%s: %s as in %s: they apply to the whole run",
                other.path.name, ", ".join(differing), first.path.name,
            )  # fmt: skip
    return first.settings


def one_per_folder(configs: Sequence[Config]) -> list[Config]:
    """Merges files that share a destination, since a destination has one ledger for all jobs."""
    folders: dict[Location, Config] = {}
    for config in configs:
        first = folders.setdefault(config.dest, config)
        folders[config.dest] = replace(first, jobs={**first.jobs, **config.jobs})
    return list(folders.values())


def _no_plugin(name: str) -> NoReturn:
    raise PluginError(f"{name}: not needed")
