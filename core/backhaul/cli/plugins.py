"""``backhaul plugins``: what is installed, a scaffold, the contract suite."""

from typing import Annotated

import typer

from backhaul.cli import output
from backhaul.cli.common import Json, command
from backhaul.errors import ExitCode

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the provider, as in YAML.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        rich_markup_mode=None, no_args_is_help=True, help="Providers: list, make and test them."
    )
    group.command("list")(command(list_plugins))
    app.add_typer(group, name="plugins")


def list_plugins(*, json: Json = False) -> int:
    """List the installed providers, broken ones with their error."""
    from backhaul.plugins.discovery import installed  # noqa: PLC0415 - imports every plugin

    records = installed()
    if json:
        output.as_json(
            {
                "plugins": [
                    {
                        "name": each.name,
                        "version": each.version,
                        "distribution": each.distribution,
                        "value": each.value,
                        "hooks": list(each.hooks),
                        "error": each.error,
                    }
                    for each in records
                ]
            }
        )
        return ExitCode.OK
    rows = [
        (
            each.name,
            f"{each.distribution} {each.version}",
            f"broken: {output.words(each.error)}" if each.error else ", ".join(each.hooks),
        )
        for each in records
    ]
    for line in output.table(rows):
        output.line(line)
    return ExitCode.OK
