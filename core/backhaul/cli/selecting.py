"""The options ``--since``, ``--until``, ``--include`` and ``--exclude``."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backhaul.cli import library
from backhaul.errors import ConfigError

if TYPE_CHECKING:
    from backhaul.selection import Selection

_Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help="Only periods that start at TIME or later, e.g. -7d."
    ),
]
_Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Only periods that start before TIME.")
]
_Include = Annotated[
    list[str] | None,
    typer.Option(
        "--include", metavar="GLOB", help="Only files whose name matches; may be repeated."
    ),
]
_Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude", metavar="GLOB", help="Skip files whose name matches; may be repeated."
    ),
]
_OPTIONS = {"since": _Since, "until": _Until, "include": _Include, "exclude": _Exclude}


def selecting(function: Callable[..., int]) -> Callable[..., int]:
    """Adds the four options to a command, which gets them as ``selection``; apply it below ``command``."""
    signature = inspect.signature(function)

    def wrapper(**given: Any) -> int:
        chosen = {name: given.pop(name) for name in _OPTIONS}
        return function(selection=_selection(**chosen), **given)

    own = [each for each in signature.parameters.values() if each.name != "selection"]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=None)
        for name, kind in _OPTIONS.items()
    ]
    wrapper.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]  # what inspect reads
    wrapper.__doc__ = function.__doc__
    wrapper.__name__ = function.__name__
    return wrapper


def _selection(
    since: str | None, until: str | None, include: list[str] | None, exclude: list[str] | None
) -> "Selection":
    for flag, value in (("--since", since), ("--until", until)):
        try:
            library.Selection.of(since=value)
        except ValueError as error:
            raise ConfigError(f"{flag} {value}: {error}") from None
    chosen = library.Selection.of(
        since=since, until=until, include=tuple(include or ()), exclude=tuple(exclude or ())
    )
    if chosen.since is not None and chosen.until is not None and chosen.since >= chosen.until:
        raise ConfigError(f"--until {until} is not after --since {since}: nothing is between them")
    return chosen
