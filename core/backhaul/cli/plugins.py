"""``backhaul plugins``: what is installed, a scaffold, the contract suite."""

from pathlib import Path
from typing import Annotated

import typer

from backhaul.cli import output
from backhaul.cli.common import Json, command
from backhaul.errors import ConfigError, ExitCode

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the provider, as in YAML.")]

Folder = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FOLDER", help="Left out: backhaul-NAME, here."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        rich_markup_mode=None, no_args_is_help=True, help="Providers: list, make and test them."
    )
    group.command("list")(command(list_plugins))
    group.command("new")(command(new))
    group.command("test")(command(test))
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


def new(name: Name, *, folder: Folder = None) -> int:
    """Write an installable plugin to begin with."""
    from backhaul.plugins.discovery import Plugins  # noqa: PLC0415 - looks at all distributions
    from backhaul.plugins.scaffold import write_scaffold  # noqa: PLC0415 - only here

    if name in Plugins().names:
        raise ConfigError(
            f"a provider {name!r} is installed; two of one name are both refused: choose another"
        )
    target = folder or Path(f"backhaul-{name}")
    for path in write_scaffold(name, target):
        output.line(str(path))
    output.line(f"then: pip install -e {target} && backhaul plugins test {name}")
    return ExitCode.OK


def test(name: Name) -> int:
    """Run the contract suite on an installed provider and its emulator."""
    from backhaul.plugins.selftest import run_contract  # noqa: PLC0415 - pytest is heavy

    kept = run_contract(name) == 0
    output.line(f"{name}: the contract is {'kept' if kept else 'broken'}")
    return ExitCode.OK if kept else ExitCode.PLUGIN
