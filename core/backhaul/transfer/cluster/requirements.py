"""What a worker must have in common with the driver: versions, and access to the archives."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

from backhaul.errors import BackhaulError
from backhaul.oserrors import describe
from backhaul.storage.location import Location
from backhaul.storage.opening import create, open_to_read

_PROBE: Final = ".cluster-probe"
_MOST: Final = 4096


@cache
def this_version() -> str:
    """The installed version of backhaul."""
    return version("backhaul")


class Requirements(NamedTuple):
    """What a worker must have.

    Attributes:
        version: of backhaul.
        plugins: label of each provider in use, by name.
        probes: a file in each folder that all machines share.
        stores: object stores, each with the name of a job.
    """

    version: str
    plugins: Mapping[str, str] = {}
    probes: tuple["Probe", ...] = ()
    stores: Mapping[Location, str] = {}

    def unmet(self) -> str:
        """The requirement that this process does not meet; empty if it meets all. Called in a worker."""
        if self.version != this_version():
            return f"has backhaul {this_version()}, but this machine has {self.version}: install the same version"
        found = (*self._plugins(), *self._folders(), *self._stores())
        return found[0] if found else ""

    def _plugins(self) -> Iterator[str]:
        from backhaul.plugins.discovery import Plugins  # noqa: PLC0415 - only in workers

        plugins = Plugins()
        for name, label in self.plugins.items():
            try:
                found = plugins.load(name).label
            except BackhaulError as error:
                yield f"cannot use the provider {name}: {error.message}; {label} is needed"
                continue
            if found != label:
                yield f"has {found}, but this run uses {label}: install the same version"

    def _folders(self) -> Iterator[str]:
        for probe in self.probes:
            try:
                with os.fdopen(open_to_read(probe.path), encoding="ascii") as file:
                    found = file.read(_MOST)
            except FileNotFoundError:
                yield (
                    f"does not see the archive {probe.archive}: workers need a file system that all"
                    " machines share, at the same path, or an object store as settings.dest"
                )
                continue
            except OSError as error:
                yield f"cannot read the archive: {describe(error, probe.archive)}"
                continue
            if found != probe.token:
                yield f"sees another folder at {probe.archive} than this machine"
                continue
            try:
                Probe(probe.archive, probe.path.parent).remove()
            except OSError as error:
                yield f"cannot write to the archive: {describe(error, probe.archive)}"

    def _stores(self) -> Iterator[str]:
        for dest, job in self.stores.items():
            from backhaul.storage.object_store import open_store  # noqa: PLC0415 - slow

            try:
                with closing(open_store(dest, job, None)) as store:
                    store.stat(f"backhaul-{secrets.token_hex(8)}")
            except BackhaulError as error:
                yield f"cannot use the store: {error.message}"


class Probe:
    """A file that shows whether two processes see the same folder.

    Args:
        archive: the archive's folder.
        folder: where in it the file is; created if it does not exist.

    Attributes:
        path, token: the file and its content.

    Raises OSError.
    """

    def __init__(self, archive: Path, folder: Path) -> None:
        self.archive = archive
        self.token = secrets.token_hex(16)
        self.path = folder.absolute() / f"{_PROBE}-{secrets.token_hex(8)}"
        folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(create(self.path), "w", encoding="ascii") as file:
            file.write(self.token)

    def remove(self) -> None:
        """Removes the file."""
        with suppress(OSError):
            self.path.unlink()
