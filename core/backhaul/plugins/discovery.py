"""Finds installed providers: the entry points of the group ``backhaul.providers``.

Only requested plugins are imported, and a broken plugin does not affect the others.
"""

import logging
import os
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import (
    Distribution,
    EntryPoint,
    PackageNotFoundError,
    distribution,
    distributions,
)
from pathlib import Path
from typing import NamedTuple

from backhaul.errors import PluginError
from backhaul.hookspecs import GROUP
from backhaul.plugins.facade import Provider, describe
from backhaul.plugins.loading import build

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRecord:
    """An installed plugin, working or broken.

    Attributes:
        name: the provider's name in YAML.
        distribution: the distribution's name.
        version: the distribution's version.
        value: the entry point's value.
        hooks: the hooks that it implements; empty if it is broken.
        error: why it cannot be used; None if it works.
    """

    name: str
    distribution: str
    version: str
    value: str
    hooks: tuple[str, ...] = ()
    error: str | None = None


class _Found(NamedTuple):
    entry: EntryPoint
    distribution: str
    version: str

    @property
    def label(self) -> str:
        return f"plugin {self.entry.name!r} ({self.distribution} {self.version})"


class Plugins:
    """The plugins installed when this was created; each is loaded once, on first use."""

    def __init__(self) -> None:
        self._found = _scan(GROUP)
        self._loaded: dict[str, Provider] = {}

    @property
    def names(self) -> list[str]:
        """Names of all installed providers, including broken ones; imports nothing."""
        return sorted(self._found)

    def load(self, name: str) -> Provider:
        """The provider of that name. Raises PluginError when it is missing or broken."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def installed(self) -> list[PluginRecord]:
        """All installed plugins by name; imports each one."""
        records = []
        for name in self.names:
            hooks: tuple[str, ...] = ()
            error = None
            try:
                hooks = self.load(name).hooks
            except PluginError as broken:
                error = broken.message
            records += [
                PluginRecord(
                    name=name,
                    distribution=found.distribution,
                    version=found.version,
                    value=found.entry.value,
                    hooks=hooks,
                    error=error,
                )
                for found in self._found[name]
            ]
        return records

    def _load(self, name: str) -> Provider:
        claimants = self._found.get(name)
        if not claimants:
            near = get_close_matches(name, self.names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            known = ", ".join(self.names) or "none"
            raise PluginError(f"no provider {name!r} is installed{hint} (installed: {known})")
        if len(claimants) > 1:
            who = " and ".join(f"{each.distribution} {each.version}" for each in claimants)
            raise PluginError(f"the provider {name!r} is claimed by {who}: uninstall all but one")
        found = claimants[0]
        try:
            plugin = found.entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            log.debug("traceback of %s", found.label, exc_info=error)
            raise PluginError(f"{found.label}: cannot be imported: {describe(error)}") from None
        return build(plugin, name=name, label=found.label)


def entry_points(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group that exactly one distribution claims, by name."""
    return {name: found[0].entry for name, found in _scan(group).items() if len(found) == 1}


def _scan(group: str) -> dict[str, list[_Found]]:
    found: defaultdict[str, list[_Found]] = defaultdict(list)
    seen: set[str] = set()
    for dist, text in _with_entry_points(_folders()):
        name, version, entries = _read(dist, text, group)
        key = re.sub(r"[-_.]+", "-", name).lower()
        # Python imports the first on sys.path; later copies are ignored.
        if not entries or key in seen or _is_shadowed(dist, name):
            continue
        seen.add(key)
        for entry in entries:
            if all(other.entry != entry for other in found[entry.name]):
                found[entry.name].append(_Found(entry, name, version))
    return dict(found)


def _folders() -> tuple[tuple[str, int], ...]:
    """Where packages are installed, and when that last changed."""
    found = []
    for name in sys.path:
        folder = os.path.abspath(name)  # noqa: PTH100 - '' is the current folder
        try:
            found.append((folder, Path(folder).stat().st_mtime_ns))
        except (OSError, ValueError):  # it does not exist
            found.append((folder, 0))
    return tuple(found)


@lru_cache(maxsize=1)
def _with_entry_points(_: tuple[tuple[str, int], ...]) -> list[tuple[Distribution, str | None]]:
    """Distributions with entry points, and the text of these; None if it cannot be read."""
    return [(dist, text) for dist in distributions() if (text := _entry_points(dist)) != ""]


def _entry_points(dist: Distribution) -> str | None:
    try:
        return dist.read_text("entry_points.txt") or ""
    except Exception:  # noqa: BLE001 - for any reason; each scan reads it again and reports that
        return None


def _read(dist: Distribution, text: str | None, group: str) -> tuple[str, str, list[EntryPoint]]:
    """Name, version and entry points; no entry points if the metadata is broken."""
    name = ""
    try:
        if text is None:
            text = dist.read_text("entry_points.txt") or ""
        if group not in text:
            return name, "", []  # as most have; reading their metadata would be slow
        about = dist.metadata  # parsed on each access
        name = about["Name"] or ""
        entries = [entry for entry in dist.entry_points if entry.group == group]
        version = about["Version"] if entries else ""
    except Exception as error:  # noqa: BLE001 - importlib.metadata may raise anything for a broken file
        log.warning("the metadata of %s cannot be read: %s", name or dist, describe(error))
        return name, "", []
    return name, version, entries


def _is_shadowed(dist: Distribution, name: str) -> bool:
    """Whether another copy precedes it on sys.path."""
    try:
        first = distribution(name)
    except (PackageNotFoundError, ValueError):
        return False  # its folder's name does not match its metadata
    return first.locate_file("") != dist.locate_file("")
