"""YAML files to configurations, or all that is wrong with them at once."""

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


def load(
    path: str | os.PathLike[str],
    *,
    providers: Providers,
    env: Mapping[str, str] | None = None,
    offline: bool = False,
) -> Config:
    """Read and check one YAML file.

    Args:
        path: the file.
        providers: gives a provider's ProviderInfo by name, or raises PluginError. Such an error
            does not end the loading: it stands at the sources and jobs concerned.
        env: the variables for ``${VAR}``; None: the process's own.
        offline: variables of sources may be missing, since no requests will be made.

    Raises:
        ConfigError: ``problems`` has ``file:line:column: what is wrong; what to do`` for each
            problem; the message is all of them, line by line.
    """
    return load_many([path], providers=providers, env=env, offline=offline)[0]


def load_many(
    given: Sequence[Given],
    *,
    providers: Providers,
    env: Mapping[str, str] | None = None,
    offline: bool = False,
) -> list[Config]:
    """Read and check several YAML files that are run as one batch; a file given twice counts once.

    A mapping stands for a file that says the same; paths in it are relative to the current folder.

    Raises:
        ConfigError: with the problems of all files; also when two jobs would share a folder.
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
            # What comes from a pipe lies in no folder: its paths are relative to the current one.
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
    """Like ``load``, for YAML given as text; ``dest`` is relative to the folder.

    Raises:
        ConfigError: as ``load`` does.
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
    if diagnostics:
        problems = [*diagnostics.lines(), *_plugin_errors(configs)]
        raise ConfigError("\n".join(problems), problems=problems)
    return configs


def _plugin_errors(configs: list[Config]) -> list[str]:
    named: list[Source | JobSpec] = []
    for config in configs:
        named += [*config.sources.values(), *config.jobs.values()]
    errors = [each.plugin_error.message for each in named if each.plugin_error is not None]
    return list(dict.fromkeys(errors))


def _shared_folders(configs: list[Config], diagnostics: Diagnostics) -> None:
    """Two jobs that would write to one folder, upper and lower case being the same there."""
    seen: dict[tuple[str, str], JobSpec] = {}
    places: dict[Place, None] = {}
    for config in configs:
        dest = key(os.path.realpath(config.settings.dest))  # case counts where nothing is there yet
        for job in config.jobs.values():
            first = seen.setdefault((dest, key(job.name)), job)
            if first is not job and job.place not in places:
                places[job.place] = None
                what = f"the job {quote(job.name)} would share its folder with {quote(first.name)}"
                diagnostics.add(
                    job.place, what, f"rename one of them; the other is at {first.place}"
                )
