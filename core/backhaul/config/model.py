"""A loaded configuration: settings, sources and jobs, each with its location in the file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from backhaul.config.diagnostics import Place
from backhaul.config.settings import Settings
from backhaul.errors import PluginError
from backhaul.http.pacing import SourcePace
from backhaul.options import JobOptions, SourceOptions
from backhaul.secret import Secret
from backhaul.selection import ALL, Selection
from backhaul.storage.location import Location
from backhaul.types import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An account at a provider, as configured.

    Attributes:
        name: its key in YAML.
        provider: the provider's name.
        options: the provider's own keys; an empty SourceOptions if the plugin is broken.
        accept_unproven: whether to keep files without proof that they are complete.
        cluster_credentials: whether requests that carry credentials may be made by other machines.
        place: the location of the source's key.
        plugin_error: why the plugin cannot be used; its jobs fail, all others run.
        given: the provider's scalar keys, formatted by ``identity_text``, except those with unset
            variables. Used without the plugin; only the plugin knows which of them are secret.
    """

    name: str
    provider: str
    options: SourceOptions
    accept_unproven: bool = False
    cluster_credentials: bool = False
    place: Place
    plugin_error: PluginError | None = None
    given: Mapping[str, Secret] = field(default_factory=dict)

    @property
    def pace(self) -> SourcePace | None:
        """The limit for all its requests together; None if it does not set one."""
        own = getattr(self.options, "pace", None)
        return SourcePace(f"{self.place} {self.name}", own) if isinstance(own, Pace) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job, as configured; used unchanged from YAML to the driver.

    Attributes:
        name: its key in YAML, and the name of its folder below ``dest``.
        source: the job's source.
        options: the provider's own keys; an empty JobOptions if the plugin is broken.
        dest: the destination, from the settings.
        siblings: the names of all jobs of the destination, including this one.
        wait: how long to wait until the job is ready.
        accept_unproven: as for a source.
        place: the location of the job's key.
        plugin_error: why the provider's plugin cannot be used; the job fails, all others run.
        given: as for a source.
        same_archive: whether the job keeps the files in its folder although its account or id
            has changed.
        selection: the files that a run is about; the others stay as they are.
    """

    name: str
    source: Source
    options: JobOptions
    dest: Location
    siblings: frozenset[str] = frozenset()
    wait: timedelta = timedelta(0)
    accept_unproven: bool = False
    place: Place
    plugin_error: PluginError | None = None
    given: Mapping[str, Secret] = field(default_factory=dict)
    same_archive: bool = False
    selection: Selection = ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A loaded and validated YAML file.

    Attributes:
        path: the file.
        settings: as configured.
        dest: where the archive is.
        sources: by name, in file order.
        jobs: by name, in file order.
    """

    path: Path
    settings: Settings
    dest: Location
    sources: Mapping[str, Source] = field(default_factory=dict)
    jobs: Mapping[str, JobSpec] = field(default_factory=dict)
