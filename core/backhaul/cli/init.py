"""``backhaul init``: a commented YAML file to start from."""

from pathlib import Path
from typing import Annotated

import typer

from backhaul.cli import library, output
from backhaul.cli.common import command
from backhaul.cli.writing import write_file
from backhaul.errors import ExitCode


def _names() -> list[str]:
    return library.discovery.names()


Name = Annotated[
    str,
    typer.Argument(metavar="PROVIDER", help="A provider, see `backhaul plugins list`.", autocompletion=_names),
]  # fmt: skip
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to FILE instead of stdout."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]


@command
def init(provider: Name, *, file: Output = None, force: Force = False) -> int:
    """Write a commented YAML file for a provider.

    Examples:
      backhaul init http-series
      backhaul init gnip-hpt -o hpt.yaml
    """
    text = library.example(provider, library.discovery.load(provider).info)
    if file is None:
        output.write(text.rstrip("\n") + "\n")
    else:
        write_file(file, text, force=force)
        output.line(f"{file}: fill it in, then: backhaul run {file}")
    return ExitCode.OK
