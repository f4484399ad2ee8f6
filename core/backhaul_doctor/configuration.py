"""Checks YAML files, and the environment variables that they use."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike

from backhaul import ConfigError, ExitCode
from backhaul.commands import Config, load_configs, wording
from backhaul_doctor.finding import Finding


@dataclass(slots=True)
class Loaded:
    """The files that can be checked further.

    Attributes:
        configs: each valid file; variables of its sources may be unset.
        complete: those without unset variables, whose providers can be contacted.
    """

    configs: list[Config] = field(default_factory=list)
    complete: list[Config] = field(default_factory=list)


def examine_files(given: Sequence[str | PathLike[str]], loaded: Loaded) -> Iterator[Finding]:
    """Checks each file by itself, then all of them together; the valid ones are added to ``loaded``."""
    files = list(dict.fromkeys(map(str, given)))
    valid: list[str] = []
    for file in files:
        yield from _examine_file(file, loaded)
        if len(loaded.configs) > len(valid):
            valid.append(file)
    if len(valid) > 1:
        try:
            loaded.configs = load_configs(valid, offline=True)[0]
        except ConfigError as error:
            yield from _problems("configuration", "the files together", error)


def _examine_file(file: str, loaded: Loaded) -> Iterator[Finding]:
    try:
        (config,) = load_configs([file])[0]
    except ConfigError as error:
        try:
            (config,) = load_configs([file], offline=True)[0]
        except ConfigError:
            yield from _problems("configuration", file, error)
            return
        yield from _problems("environment", file, error)
    else:
        loaded.complete.append(config)
    loaded.configs.append(config)
    what = (
        f"{wording.count(len(config.sources), 'source')}, {wording.count(len(config.jobs), 'job')}"
    )
    if config.jobs:
        yield Finding.ok("configuration", file, what)
    else:
        yield Finding.warning(
            "configuration", file, what, "add a job; without one, a run does nothing"
        )


def _problems(check: str, file: str, error: ConfigError) -> Iterator[Finding]:
    for problem in error.problems:
        yield Finding.failed(check, file, problem, "", ExitCode.USAGE)
