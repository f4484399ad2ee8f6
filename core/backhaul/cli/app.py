"""The commands by name; a command's module is imported when the command is used."""

from collections.abc import Sequence
from enum import Enum
from functools import partial
from importlib import import_module
from itertools import takewhile
from typing import Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from backhaul.cli import output
from backhaul.cli.common import application, is_command
from backhaul.cli.complaints import failed, finish, print_error, unwritable
from backhaul.cli.installed import Installed, installed
from backhaul.errors import BackhaulError, PluginError
from backhaul.version import name_and_version

# In the order of --help, most used first. Each text is the first line of the command's own help.
COMMANDS = {
    "run": "Fetch missing files and verify them.",
    "plan": "Show what a run would fetch, its duration and the space needed.",
    "jobs": "List the jobs that each account has at its provider.",
    "status": "Show the state of each job, at its provider and on this machine.",
    "files": "List the known files and their states.",
    "verify": "Read every file again and compare it with the ledger.",
    "copy": "Copy an archive to another folder or object store.",
    "gaps": "List every slot that is not verified, and why.",
    "watch": "Watch a run from another terminal; makes no requests.",
    "validate": "Check YAML files; makes no requests.",
    "schema": "Print a JSON Schema of the YAML, for editors.",
    "init": "Write a commented YAML file for a provider, or list providers.",
    "emulate": "Serve the providers' APIs locally, with made-up data.",
    "demo": "Fetch from emulated providers, to show how backhaul works.",
    "plugins": "List, create and test providers.",
}
# What click raises for a wrong command line; typer keeps its own copy of click out of sight.
_Misuse: Any = typer.BadParameter.__base__
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_HELP = """Fetches dated archives: downloads only the files that are missing, proves that each one is
complete, and reports every gap.

To see it work, run `backhaul demo`. To start an archive of your own, run `backhaul init` to list
the providers and to write backhaul.yaml for one of them, then `backhaul run`.

\b
Examples:
  backhaul demo
  backhaul init http-series
  backhaul run
"""


def invoke(words: Sequence[str]) -> int:
    """Run a command line and return the exit status. Never raises."""
    output.prepare()
    try:
        code = build().main(args=list(words), prog_name="backhaul", standalone_mode=False)
        return finish(code if isinstance(code, int) else 0)
    except SystemExit as end:
        return finish(end.code if isinstance(end.code, int) else 0 if not end.code else 1)
    except _Misuse as error:
        error.show()
        text = " ".join(error.format_message().split())
        return failed(error.exit_code, [text], json=_wants_json(words, error.ctx))
    except BackhaulError as error:  # a command of another package cannot be loaded
        print_error(error)
        return failed(error.exit_code, output.problems(error), json=_wants_json(words))
    except BrokenPipeError:
        output.reader_is_gone()
    except OSError as error:  # commands handle their own errors; this one is from typer's output
        return unwritable(output.UnwritableError(error))
    return finish(0)


def _wants_json(words: Sequence[str], context: Any = None) -> bool:
    """Whether a command line asks for JSON that its command, where that is known, can print."""
    command = getattr(context, "command", None)
    if command is not None and not isinstance(command, TyperGroup):
        known = {name for parameter in command.params for name in parameter.opts}
    else:
        known = {"--json"}
    return "--json" in known.intersection(takewhile("--".__ne__, words))


def build() -> TyperGroup:
    """Build the application. Help, completion and suggestions list all commands without imports."""
    app = application(
        name="backhaul",
        cls=_Commands,
        help=_HELP,
        no_args_is_help=True,
        context_settings=dict(_CONTEXT),
    )
    app.callback()(_root)
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)  # noqa: S101 - typer returns a group if there is a callback
    convert_only_given(group)
    for name, summary in COMMANDS.items():
        group.add_command(_Named(name, help=summary))
    return group


def load(name: str) -> Any:
    """Load a command from its module, which defines a function or a Typer of the same name."""
    return _made(name, getattr(import_module(f"backhaul.cli.{name}"), name))


def load_installed(claimants: Sequence[Installed]) -> Any:
    """Load a command from another package. Raises PluginError if it is unusable or claimed twice."""
    first = claimants[0]
    if len(claimants) > 1:
        who = " and ".join(each.package for each in claimants)
        raise PluginError(
            f"the command {first.name!r} is claimed by {who}: uninstall all but one of them"
        )
    found = first.load()
    if not is_command(found) and not isinstance(found, typer.Typer):
        raise PluginError(
            f"{first.label}: {first.value} is not decorated with backhaul.commands.command"
        )
    return _made(first.name, found)


def _made(name: str, found: Any) -> Any:
    if isinstance(found, typer.Typer):
        return _adapted(typer.main.get_command(found))
    app = application(add_completion=False)
    app.command(name)(found)
    return _adapted(typer.main.get_command(app))


def _adapted(found: Any) -> Any:
    """List arguments in the help by name only; typer adds Python types, as in ``CONFIG <list[Path]>``."""
    for each in getattr(found, "commands", {}).values():
        _adapted(each)
    for each in found.params:
        if isinstance(each, TyperArgument):
            setattr(each, "display_type_rich", lambda ctx: None)  # noqa: ARG005, B010 - typer's; mypy refuses "="
    return convert_only_given(found)


class _Named(TyperCommand):
    """A command of which only the name and a line of help are known until it is called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Load the command and delegate to it."""
        return self.load().make_context(info_name, args, parent=parent, **extra)

    def load(self) -> Any:
        """Load the command."""
        return load(str(self.name))


class _Installed(_Named):
    """A command provided by another package."""

    def __init__(self, claimants: Sequence[Installed]) -> None:
        super().__init__(claimants[0].name)
        self._claimants = claimants

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - the signature of the base class
        """The line in the list of commands."""
        return self._claimants[0].summary()

    def load(self) -> Any:
        """Load the command; anything that its package prints on import goes to stderr."""
        with output.Stdout.reserved():
            return load_installed(self._claimants)


class _Commands(TyperGroup):
    """The built-in commands, and on demand those of other packages."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Look up a command; built-in commands take precedence."""
        if cmd_name not in self.commands:
            self._add_installed()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands: the built-in ones in order, then the others."""
        self._add_installed()
        return super().list_commands(ctx)

    def _add_installed(self) -> None:
        for name, claimants in sorted(installed().items()):
            if name not in self.commands:
                self.add_command(_Installed(claimants))


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's calling convention
    if wanted:
        output.write(name_and_version())
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", help="Show the version.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


_root.__doc__ = _HELP


_TYPED = (int, Enum)  # flags, counts, and defaults of choices


def convert_only_given(command: Any) -> Any:
    """Let a command convert only values that were given as text; returns the command.

    Typer imports pydantic and builds an adapter for each parameter, even for one without a value, which
    would take longer than the rest of a command's ``--help``.
    """
    parameters = command.get_params

    def given_only(context: Any) -> list[Any]:
        found: list[Any] = parameters(context)
        for each in found:
            if "process_value" not in vars(each):
                each.process_value = partial(_value, each, each.process_value)
        return found

    command.get_params = given_only
    return command


def _value(parameter: Any, convert: Any, context: Any, value: Any) -> Any:
    if value is None and not parameter.required:
        value = () if parameter.multiple or parameter.nargs == -1 else None
    elif not isinstance(value, _TYPED):
        return convert(context, value)
    return value if parameter.callback is None else parameter.callback(context, parameter, value)
