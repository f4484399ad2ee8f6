"""What a YAML file becomes: settings, sources and jobs, each with its place in the file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from backhaul.config.diagnostics import Place
from backhaul.config.settings import Settings
from backhaul.errors import PluginError
from backhaul.options import JobOptions, SourceOptions
from backhaul.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An account at a provider, as configured.

    Attributes:
        name: its key in YAML.
        provider: the provider's name.
        options: the provider's own keys; an empty SourceOptions when the plugin is broken.
        accept_unproven: whether files are kept of which nothing shows where they end.
        place: where the source's key stands.
        plugin_error: why the plugin cannot be used; its jobs fail, all others run.
        given: the provider's own keys that have a single value, as ``identity_text`` has them, without
            those that name variables which are not set. For what is told without the plugin: which
            of them are secret, only the plugin knows.
    """

    name: str
    provider: str
    options: SourceOptions
    accept_unproven: bool = False
    place: Place
    plugin_error: PluginError | None = None
    given: Mapping[str, Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job, as configured: the one description of it, from YAML to the driver.

    Attributes:
        name: its key in YAML, and the name of its folder below ``dest``.
        source: the account that it belongs to.
        options: the provider's own keys; an empty JobOptions when the plugin is broken.
        dest: the destination, as of the settings.
        siblings: the names of all jobs of the destination, its own among them.
        wait: how long to wait until it is ready.
        accept_unproven: as of a source.
        place: where the job's key stands.
        plugin_error: why the provider's plugin cannot be used; the job fails, all others run.
        given: as of a source.
        same_archive: its folder's files are its own, even if the account or id has changed: the
            run was told so.
    """

    name: str
    source: Source
    options: JobOptions
    dest: Path
    siblings: frozenset[str] = frozenset()
    wait: timedelta = timedelta(0)
    accept_unproven: bool = False
    place: Place
    plugin_error: PluginError | None = None
    given: Mapping[str, Secret] = field(default_factory=dict)
    same_archive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A YAML file, read and checked.

    Attributes:
        path: the file.
        settings: with ``dest`` absolute.
        sources: by name, in the file's order.
        jobs: by name, in the file's order.
    """

    path: Path
    settings: Settings
    sources: Mapping[str, Source] = field(default_factory=dict)
    jobs: Mapping[str, JobSpec] = field(default_factory=dict)
