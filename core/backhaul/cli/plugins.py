"""``backhaul plugins``: what is installed, a scaffold, the contract suite."""

from pathlib import Path
from typing import Annotated

import typer

from backhaul.cli import output
from backhaul.cli.common import Json, application, command
from backhaul.errors import ConfigError, ExitCode
from backhaul.plugins.discovery import Plugins, installed
from backhaul.plugins.scaffold import write_scaffold
from backhaul.plugins.selftest import run_contract

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the provider, as in YAML.")]

Folder = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FOLDER", help="Left out: backhaul-NAME, here."),
]


plugins = application(
    add_completion=False, no_args_is_help=True, help="Providers: list, make and test them."
)


@plugins.command("list")
@command
def list_plugins(*, json: Json = False) -> int:
    """List the installed providers, broken ones with their error."""
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


@plugins.command()
@command
def new(name: Name, *, folder: Folder = None) -> int:
    """Write an installable plugin to begin with."""
    if name in Plugins().names:
        raise ConfigError(
            f"a provider {name!r} is installed; two of one name are both refused: choose another"
        )
    target = folder or Path(f"backhaul-{name}")
    for path in write_scaffold(name, target):
        output.line(str(path))
    output.line(f"then: pip install -e {target} && backhaul plugins test {name}")
    return ExitCode.OK


@plugins.command()
@command
def test(name: Name) -> int:
    """Run the contract suite on an installed provider and its emulator."""
    kept = run_contract(name) == 0
    output.line(f"{name}: the contract is {'kept' if kept else 'broken'}")
    return ExitCode.OK if kept else ExitCode.PLUGIN
