"""Shell completion of names: jobs, sources, states, faults and providers.

Fast, offline and silent: a callback at most reads files, and offers nothing if that fails.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import backhaul
from backhaul import defaults
from backhaul.cli import library

_MOST = 4 << 20  # bytes of a YAML file, as when it is loaded


def _offered(names: Callable[[Any], Iterable[str]]) -> Callable[[Any, str], list[str]]:
    """A callback from a function that takes the context of the words typed so far."""

    @wraps(names)
    def callback(ctx: Any, incomplete: str) -> list[str]:
        logging.disable()  # a warning would appear in the middle of the command line
        try:
            return [name for name in names(ctx) if name.startswith(incomplete)]
        except Exception:  # noqa: BLE001 - as above; the command itself says what is wrong
            return []

    callback.__annotations__ = {
        "incomplete": str
    }  # typer finds the two arguments by this and by name
    del callback.__wrapped__  # typer would look there instead
    return callback


@_offered
def jobs(ctx: Any) -> Iterator[str]:
    """Names of the jobs in the YAML files on the command line, or in the default one."""
    return _keys_of("jobs", ctx)


@_offered
def sources(ctx: Any) -> Iterator[str]:
    """Names of the sources in the same files."""
    return _keys_of("sources", ctx)


@_offered
def states(_: Any) -> Iterator[str]:
    """States of files."""
    found = backhaul.SlotState
    return (state.value for state in found if state is not found.SILENT)


@_offered
def faults(_: Any) -> Iterable[str]:
    """Kinds of faults that emulators inject."""
    return library.KINDS


@_offered
def providers(_: Any) -> Iterable[str]:
    """Names of the installed providers."""
    return library.Plugins().names


@_offered
def emulated(_: Any) -> Iterable[str]:
    """Names of the providers that have an emulator."""
    return library.emulators()


def _keys_of(section: str, ctx: Any) -> Iterator[str]:
    # After an option that still lacks its value, words are left unchanged.
    left = [word for word in ctx.args if not word.startswith("-")]
    for path in left or ctx.params.get("configs") or [defaults.CONFIG]:
        yield from _keys_in(Path(path).expanduser(), section)


def _keys_in(path: Path, section: str) -> Iterator[str]:
    import yaml  # noqa: PLC0415 - for completion only

    if not path.is_file() or path.stat().st_size > _MOST:  # a pipe would block
        return
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # Nodes, not values: nothing is constructed, and loading the configuration would take ten times as long.
    root = yaml.compose(path.read_text("utf-8-sig"), Loader=loader)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == section and isinstance(value, yaml.MappingNode):
            yield from (name.value for name, _ in value.value if isinstance(name, yaml.ScalarNode))
