"""``backhaul init``: a commented YAML file to start from."""

import re
from pathlib import Path
from typing import Annotated

import typer

from backhaul import defaults
from backhaul.cli import completing, library, output
from backhaul.cli.common import command
from backhaul.cli.writing import write_file
from backhaul.errors import ExitCode, PluginError

STDOUT = Path("-")


Name = Annotated[
    str | None,
    typer.Argument(
        metavar="PROVIDER",
        help="Name of a provider; without it, the providers are listed.",
        autocompletion=completing.providers,
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        show_default=False,
        help=f"Write to FILE, or - for stdout; default: {defaults.CONFIG}.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]


@command
def init(
    provider: Name = None, *, file: Output = Path(defaults.CONFIG), force: Force = False
) -> int:
    """Write a commented YAML file for a provider, or list providers.

    Examples:
      backhaul init
      backhaul init http-series
      backhaul init gnip-hpt -o hpt.yaml
    """
    if provider is None:
        _list_providers()
        return ExitCode.OK
    text = library.example(provider, library.Plugins().load(provider).info).rstrip("\n") + "\n"
    if file == STDOUT:
        output.write(text)
        return ExitCode.OK
    write_file(file, text, force=force)
    output.line(f"Wrote {file}. Next:")
    for number, step in enumerate(_steps(file, text), start=1):
        output.line(f"  {number}. {step}")
    return ExitCode.OK


def _list_providers() -> None:
    plugins = library.Plugins()
    rows = []
    for name in plugins.names:
        try:
            rows.append((name, output.words(plugins.load(name).info.title)))
        except PluginError as error:
            rows.append((name, f"broken: {output.words(error.message)}"))
    output.line("Providers:")
    for line in output.table(rows, indent="  "):
        output.line(line)
    output.line(f"`backhaul init PROVIDER` writes {defaults.CONFIG}, or the file named with -o.")


def _steps(file: Path, text: str) -> list[str]:
    """The remaining steps before a run can start."""
    named = "" if file == Path(defaults.CONFIG) else f" {file}"
    used = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    variables = dict.fromkeys(re.findall(r"\$\{(\w+)(?::\?[^}]*)?\}", used))
    steps = [f"Edit {file}: the sources and the jobs are examples."]
    if variables:
        steps.append(f"Set the environment variables that it uses: {', '.join(variables)}.")
    steps += [f"backhaul validate{named}", f"backhaul run{named}"]
    schema = file.with_name(defaults.SCHEMA)
    if not schema.exists():  # the file's first line names it
        steps.append(f"For completion in your editor: backhaul schema -o {schema}")
    return steps
