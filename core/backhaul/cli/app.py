"""The commands by name; only the one that is asked for is imported."""

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from backhaul.cli import output

# In the order of --help: what people need first stands first.
COMMANDS = {
    "run": "run",
    "plan": "plan",
    "jobs": "jobs",
    "status": "status",
    "files": "files",
    "verify": "verify",
    "gaps": "gaps",
    "rollup": "rollup",
    "report": "report",
    "watch": "watch",
    "validate": "validate",
    "schema": "schema",
    "init": "init",
    "plugins": "plugins",
    "emulate": "emulate",
    "demo": "demo",
}
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_HELP = """Brings licensed archives home: fetches exactly what is missing, proves that every file
is whole, and says what is not there.

Begin with `backhaul demo`, or with `backhaul init PROVIDER -o backhaul.yaml`, then
`backhaul run backhaul.yaml`.
"""


def invoke(words: Sequence[str]) -> int:
    """Run the command that the words name; says the exit status. Never raises."""
    output.prepare()
    try:
        command = typer.main.get_command(build(words))
        command.main(args=list(words), prog_name="backhaul", standalone_mode=True)
    except SystemExit as end:
        return output.finish(end.code if isinstance(end.code, int) else 0 if not end.code else 1)
    except BrokenPipeError:
        output.reader_is_gone()
    except OSError as error:  # the commands tell of theirs: it is what typer itself writes
        return output.unwritable(output.UnwritableError(error))
    return output.finish(0)


def build(words: Sequence[str] = ()) -> typer.Typer:
    """The application, with all commands or with the one that the words begin with."""
    app = typer.Typer(
        name="backhaul",
        help=_HELP,
        rich_markup_mode=None,  # --help would pay 70 ms for rich
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings=dict(_SETTINGS),
    )
    app.callback()(_root)
    asked = words[0] if words and "_BACKHAUL_COMPLETE" not in os.environ else ""
    for name in [asked] if asked in COMMANDS else COMMANDS:
        import_module(f"backhaul.cli.{COMMANDS[name]}").register(app)
    return app


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's calling convention
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - 20 ms that only this answer needs

        output.line(f"backhaul {version('backhaul')}")
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
