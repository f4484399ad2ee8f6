"""``backhaul plugins``: lists providers, writes a scaffold, runs the contract suite."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from backhaul.cli import completing, output
from backhaul.cli.common import Csv, Json, application, command
from backhaul.cli.csv_lines import write_csv
from backhaul.errors import ConfigError, ExitCode
from backhaul.plugins.discovery import PluginRecord, Plugins
from backhaul.plugins.scaffold import write_scaffold
from backhaul.plugins.selftest import run_contract

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the provider, as in the YAML.")]

Provider = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Name of the provider, as in the YAML.",
        autocompletion=completing.providers,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FOLDER", help="Folder to create; default: backhaul-NAME."
    ),
]


plugins = application(
    add_completion=False,
    no_args_is_help=True,
    help="""List, create and test providers.

\b
Examples:
  backhaul plugins list
  backhaul plugins new acme
  backhaul plugins test acme
""",
)


_COLUMNS = ("name", "version", "distribution", "value", "hooks", "error")


@plugins.command("list")
@command
def list_plugins(*, json: Json = False, csv: Csv = False) -> int:
    """List the installed providers, and why any of them is broken.

    Examples:
      backhaul plugins list
      backhaul plugins list --json
    """
    records = Plugins().installed()
    if csv:
        write_csv(_COLUMNS, map(_as_json, records))
        return ExitCode.OK
    if json:
        output.as_json({"exit_code": ExitCode.OK, "plugins": [_as_json(each) for each in records]})
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


def _as_json(found: PluginRecord) -> dict[str, Any]:
    return {**{key: getattr(found, key) for key in _COLUMNS}, "hooks": list(found.hooks)}


@plugins.command()
@command
def new(name: Name, *, folder: Folder = None) -> int:
    """Create an installable plugin from a template.

    Examples:
      backhaul plugins new acme
      backhaul plugins new acme -o plugins/acme
    """
    if name in Plugins().names:
        raise ConfigError(f"the provider {name!r} is already installed; choose another name")
    target = folder or Path(f"backhaul-{name}")
    for path in write_scaffold(name, target):
        output.line(str(path))
    with_tests = shlex.quote(f"{target}[test]")
    output.line(f"next: pip install -e {with_tests} && backhaul plugins test {name}")
    return ExitCode.OK


@plugins.command()
@command
def test(name: Provider) -> int:
    """Run the contract suite on an installed provider and its emulator.

    Examples:
      backhaul plugins test acme
      backhaul plugins test gnip-hpt -v
    """
    kept = run_contract(name) == 0
    output.line(f"{name}: contract suite {'passed' if kept else 'failed'}")
    return ExitCode.OK if kept else ExitCode.PLUGIN
