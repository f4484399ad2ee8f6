"""Loads configurations from YAML files; reports all errors together."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from backhaul.config.destinations import settle_destinations
from backhaul.config.diagnostics import Diagnostics, Place, quote
from backhaul.config.document import is_stream, parse, read_file
from backhaul.config.mapping import from_mapping
from backhaul.config.model import Config, JobSpec, Source
from backhaul.config.nodes import MapNode
from backhaul.config.read import Providers, Reader
from backhaul.errors import ConfigError
from backhaul.names import key

Given: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]


def load_many(
    given: Sequence[Given],
    *,
    providers: Providers,
    env: Mapping[str, str] | None = None,
    offline: bool = False,
) -> list[Config]:
    """Read and check several YAML files that run as one batch; duplicate files count once.

    A mapping replaces a file of the same content; its paths are relative to the current folder.

    Args:
        given: the files and mappings.
        providers: returns a provider's ProviderInfo by name, or raises PluginError. Such an error
            does not abort loading: it is recorded in the affected sources and jobs.
        env: the variables for ``${VAR}``; None: the process's environment.
        offline: variables of sources may be unset, since no requests will be made.

    Raises:
        ConfigError: ``problems`` has ``file:line:column: what is wrong; what to do`` for each problem
            of all files, also for jobs that would share a folder; the message has all of them, one per line.
    """
    diagnostics = Diagnostics()
    found: list[tuple[Path, str, MapNode]] = []
    for mapping in (each for each in given if isinstance(each, Mapping)):
        home = Path.cwd() / "configuration"
        found.append((home, "configuration", from_mapping(mapping, diagnostics)))
    files = (os.fspath(each) for each in given if not isinstance(each, Mapping))
    for path in dict.fromkeys(files):
        node = read_file(Path(path), path, diagnostics)
        if node is not None:
            # A pipe has no folder: its paths are relative to the current folder.
            home = Path.cwd() / Path(path).name if is_stream(Path(path)) else Path(path).absolute()
            found.append((home, path, node))
    return _finish(found, diagnostics, providers=providers, env=env, offline=offline)


def load_text(
    text: bytes | str,
    *,
    file: str = "<text>",
    folder: Path | None = None,
    providers: Providers,
    env: Mapping[str, str] | None = None,
    offline: bool = False,
) -> Config:
    """Like ``load_many``, for YAML given as text; ``dest`` is relative to the folder.

    Raises:
        ConfigError: as ``load_many`` does.
    """
    diagnostics = Diagnostics()
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    node = parse(data, file, diagnostics)
    path = (folder or Path.cwd()) / "text.yaml"
    found = [] if node is None else [(path, file, node)]
    return _finish(found, diagnostics, providers=providers, env=env, offline=offline)[0]


def _finish(
    found: list[tuple[Path, str, MapNode]],
    diagnostics: Diagnostics,
    *,
    providers: Providers,
    env: Mapping[str, str] | None,
    offline: bool,
) -> list[Config]:
    variables = os.environ if env is None else env
    configs = [
        Reader(
            file,
            providers=providers,
            env=variables,
            diagnostics=diagnostics,
            offline=offline,
            folder=path.parent,
        ).read(node, path)
        for path, file, node in found
    ]
    configs = settle_destinations(configs)
    _shared_folders(configs, diagnostics)
    _shared_workspaces(configs, diagnostics)
    if diagnostics:
        problems = [*diagnostics.lines(), *_plugin_errors(configs)]
        raise ConfigError("\n".join(problems), problems=problems)
    return configs


def _shared_workspaces(configs: list[Config], diagnostics: Diagnostics) -> None:
    """Reports destinations that would share a ledger: two stores with one ``settings.workspace``."""
    seen: dict[Path, Config] = {}
    for config in configs:
        first = seen.setdefault(config.dest.workspace, config)
        if first.dest != config.dest:
            what = f"the workspace {config.dest.workspace} would be that of {first.dest} too"
            remedy = f"give {config.dest} another settings.workspace"
            diagnostics.add(Place(str(config.path)), what, remedy)


def _plugin_errors(configs: list[Config]) -> list[str]:
    named: list[Source | JobSpec] = []
    for config in configs:
        named += [*config.sources.values(), *config.jobs.values()]
    errors = [each.plugin_error.message for each in named if each.plugin_error is not None]
    return list(dict.fromkeys(errors))


def _shared_folders(configs: list[Config], diagnostics: Diagnostics) -> None:
    """Reports jobs that would share a folder, including names that differ only in case."""
    seen: dict[tuple[str, str], JobSpec] = {}
    places: dict[Place, None] = {}
    for config in configs:
        folder = config.dest.folder
        # a folder is case-sensitive until it exists
        dest = config.dest.url if folder is None else key(os.path.realpath(folder))
        for job in config.jobs.values():
            first = seen.setdefault((dest, key(job.name)), job)
            if first is not job and job.place not in places:
                places[job.place] = None
                what = f"the job {quote(job.name)} would share its folder with {quote(first.name)}"
                diagnostics.add(
                    job.place, what, f"rename one of them; the other is at {first.place}"
                )
