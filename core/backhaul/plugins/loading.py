"""Builds a validated `Provider` from a module or object with hook implementations."""

import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import pluggy

from backhaul.checks import FieldError
from backhaul.errors import PluginError
from backhaul.hookspecs import PROJECT, Hooks
from backhaul.plugins.facade import Provider, describe, where
from backhaul.types import ProviderInfo

REQUIRED = ("provider", "resolve_files")
_MOVED = {
    "derive_tables": "derive_tables is now a function of the provider's module for backhaul_rollup"
}
_MARK = f"{PROJECT}_impl"


def hook_arguments() -> dict[str, tuple[str, ...]]:
    """Each hook's name and arguments, in the order of the specification."""
    return {
        name: tuple(inspect.signature(spec).parameters)[1:]  # without self
        for name, spec in vars(Hooks).items()
        if hasattr(spec, f"{PROJECT}_spec")
    }


def build(plugin: Any, *, name: str, label: str | None = None) -> Provider:
    """Check a plugin and build a Provider from it, with its own plugin manager.

    Args:
        plugin: a module or an object with hook implementations.
        name: the provider's name in YAML.
        label: the plugin's name in messages.

    Raises PluginError naming the plugin, and suggesting the closest hook or argument.
    """
    label = label or f"plugin {name!r}"
    problem = _problem(plugin)
    if problem is not None:
        raise PluginError(f"{label}: {problem}")
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    try:
        manager.register(plugin, name=name)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        raise PluginError(f"{label}: {describe(error)}") from None
    return Provider(
        manager,
        name=name,
        label=label,
        hooks=sorted({hook for hook, _, _ in _implementations(plugin)}),
        info=_info(manager, label),
    )


def _implementations(plugin: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Hook name, function and pluggy options of each implementation."""
    for attribute in dir(plugin):
        function = inspect.getattr_static(plugin, attribute, None)
        if isinstance(function, staticmethod | classmethod):
            function = function.__func__
        options = getattr(function, _MARK, None)
        if isinstance(options, dict):
            yield options.get("specname") or attribute, function, options


def _problem(plugin: Any) -> str | None:
    if inspect.isclass(plugin):
        return f"the entry point names the class {plugin.__name__}; name an instance or a module"
    hooks = hook_arguments()
    found = set()
    for hook, function, options in _implementations(plugin):
        found.add(hook)
        if hook not in hooks:
            if not options.get("optionalhook"):
                return _MOVED.get(hook) or f"there is no hook {hook!r}{_near(hook, hooks)}"
        elif wrong := _signature_problem(hook, function, hooks[hook]):
            return wrong
    for hook in hooks:
        unmarked = hook not in found and _own_function(plugin, hook)
        if unmarked:
            return f"{hook} looks like a hook but is not marked: write @hookimpl above it"
    if found >= {"fetch_file", "pull_file"}:
        return "implements both fetch_file and pull_file: keep the one by which its files come"
    missing = [hook for hook in REQUIRED if hook not in found]
    return f"the required hook {missing[0]!r} is missing" if missing else None


def _signature_problem(hook: str, function: Any, known: tuple[str, ...]) -> str | None:
    if hook == "fetch_file" and inspect.isgeneratorfunction(function):
        return "fetch_file is a generator: call a hook that yields Chunks pull_file"
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            return f"{hook} takes *{parameter.name}: list the arguments that it wants"
        if parameter.name not in known:
            if (hook, parameter.name) == ("fetch_file", "cursor"):
                return f"{hook} has no argument 'cursor': call a hook that returns Chunks pull_file"
            near = _near(parameter.name, known)
            return f"{hook} has no argument {parameter.name!r}{near}; it has {', '.join(known)}"
        if parameter.default is not parameter.empty:
            # pluggy before 1.7 never passes an argument that has a default.
            return f"{hook}: the argument {parameter.name!r} must not have a default"
    return None


def _own_function(plugin: Any, name: str) -> bool:
    function = inspect.getattr_static(plugin, name, None)
    home = plugin.__name__ if inspect.ismodule(plugin) else type(plugin).__module__
    return inspect.isfunction(function) and function.__module__ == home


def _info(manager: pluggy.PluginManager, label: str) -> ProviderInfo:
    try:
        info = manager.hook.provider()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is the plugin's
        message = f"{where(error)}: {error}" if isinstance(error, FieldError) else describe(error)
        raise PluginError(f"{label}: provider failed: {message}") from None
    if not isinstance(info, ProviderInfo):
        raise PluginError(f"{label}: provider gave a {type(info).__name__}, not a ProviderInfo")
    return info


def _near(word: str, known: Any) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
