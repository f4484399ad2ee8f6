"""The commands by name; the module of one is imported when it is named."""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from backhaul.cli import output, version
from backhaul.cli.common import application
from backhaul.cli.complaints import finish, unwritable

# In the order of --help: what people need first stands first. The text of each is the first line of
# the command's own help.
COMMANDS = {
    "run": "Fetch what is missing, and verify it.",
    "plan": "Show what a run would fetch, how long it takes, and whether it fits on the disk.",
    "jobs": "List the jobs that each account has at its provider.",
    "status": "Show how far each job is at its provider and on this machine.",
    "files": "List the known files and their states, from the ledger and the disk.",
    "verify": "Read every file on disk again and compare it with the ledger; makes no requests.",
    "gaps": "List every slot that is not verified, and why.",
    "rollup": "Join a job's records by hour, day or month into larger files.",
    "report": "Write an HTML page: what is here, what is not, and why.",
    "watch": "Watch a run from another terminal until it ends; makes no requests.",
    "validate": "Check YAML files; makes no requests.",
    "schema": "Print the JSON Schema of the YAML, for editors.",
    "init": "Write a commented YAML file for a provider.",
    "emulate": "Serve the providers' APIs on this machine, with made-up data.",
    "demo": "Fetch the archives of emulated providers, to show how it works.",
    "plugins": "List, create and test providers.",
}
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_HELP = """Fetches dated archives: downloads exactly what is missing, proves that every file is
complete, and lists what is missing.

Start with `backhaul demo`, or with `backhaul init PROVIDER -o backhaul.yaml` and then
`backhaul run backhaul.yaml`.
"""


def invoke(words: Sequence[str]) -> int:
    """Run the command that the words name; says the exit status. Never raises."""
    output.prepare()
    try:
        build().main(args=list(words), prog_name="backhaul", standalone_mode=True)
    except SystemExit as end:
        return finish(end.code if isinstance(end.code, int) else 0 if not end.code else 1)
    except BrokenPipeError:
        output.reader_is_gone()
    except OSError as error:  # the commands tell of theirs: it is what typer itself writes
        return unwritable(output.UnwritableError(error))
    return finish(0)


def build() -> TyperGroup:
    """The application. Help, completion and suggestions know all its commands; none is imported."""
    app = application(
        name="backhaul", help=_HELP, no_args_is_help=True, context_settings=dict(_CONTEXT)
    )
    app.callback()(_root)
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)  # noqa: S101 - an application with a callback is one
    for name, summary in COMMANDS.items():
        group.add_command(_Named(name, help=summary))
    return group


def load(name: str) -> Any:
    """A command itself, from its module; the module has a function or a Typer of the same name."""
    found = getattr(import_module(f"backhaul.cli.{name}"), name)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    app = application(add_completion=False)
    app.command(name)(found)
    return typer.main.get_command(app)


class _Named(TyperCommand):
    """A command that is known by its name and a line of help until it is called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Begins the command itself, which takes over from here."""
        return load(str(self.name)).make_context(info_name, args, parent=parent, **extra)


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
