"""The commands by name; a command's module is imported when the command is used."""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from backhaul.cli import output, version
from backhaul.cli.common import application, is_command
from backhaul.cli.complaints import finish, say, unwritable
from backhaul.cli.installed import Installed, installed
from backhaul.errors import BackhaulError, PluginError

# In the order of --help, most used first. Each text is the first line of the command's own help.
COMMANDS = {
    "run": "Fetch what is missing, and verify it.",
    "plan": "Show what a run would fetch, how long it takes, and whether it fits on the disk.",
    "jobs": "List the jobs that each account has at its provider.",
    "status": "Show how far each job is at its provider and on this machine.",
    "files": "List the known files and their states, from the ledger and the disk.",
    "verify": "Read every file on disk again and compare it with the ledger; contacts no provider.",
    "copy": "Copy an archive to another folder or object store; contacts no provider.",
    "gaps": "List every slot that is not verified, and why.",
    "watch": "Watch a run from another terminal until it ends; makes no requests.",
    "validate": "Check YAML files; makes no requests.",
    "doctor": "Check everything that a run needs, and say what to do; fetches no data.",
    "schema": "Print the JSON Schema of the YAML, for editors.",
    "init": "Write a commented YAML file for a provider, or list the providers.",
    "emulate": "Serve the providers' APIs on this machine, with made-up data.",
    "demo": "Fetch the archives of emulated providers, to show how it works.",
    "plugins": "List, create and test providers.",
}
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_HELP = """Fetches dated archives: downloads exactly what is missing, proves that every file is
complete, and lists what is missing.

Start with `backhaul demo`, or with `backhaul init`, which lists the providers and writes
backhaul.yaml for one; then `backhaul run`.
"""


def invoke(words: Sequence[str]) -> int:
    """Run a command line and return the exit status. Never raises."""
    output.prepare()
    try:
        build().main(args=list(words), prog_name="backhaul", standalone_mode=True)
    except SystemExit as end:
        return finish(end.code if isinstance(end.code, int) else 0 if not end.code else 1)
    except BackhaulError as error:  # a command of another package cannot be loaded
        say(error)
        return finish(error.exit_code)
    except BrokenPipeError:
        output.reader_is_gone()
    except OSError as error:  # commands handle their own errors; this one is from typer's output
        return unwritable(output.UnwritableError(error))
    return finish(0)


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
        return typer.main.get_command(found)
    app = application(add_completion=False)
    app.command(name)(found)
    return typer.main.get_command(app)


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
        output.write(version.answer())
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
