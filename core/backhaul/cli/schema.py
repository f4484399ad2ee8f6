"""``backhaul schema``: the JSON Schema of the YAML, for editors."""

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from backhaul.cli import library, output
from backhaul.cli.common import command
from backhaul.cli.writing import write_file
from backhaul.errors import ExitCode, PluginError

log = logging.getLogger(__name__)
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to FILE instead of stdout."),
]


@command
def schema(*, file: Output = None) -> int:
    """Print the JSON Schema of the YAML, for editors.

    It covers the keys of all installed providers.

    Examples:
      backhaul schema
      backhaul schema -o backhaul.schema.json
    """
    plugins = library.Plugins()
    providers = {}
    for name in plugins.names:
        try:
            providers[name] = plugins.load(name).info
        except PluginError as error:
            log.warning("left out: %s", error.message)
    text = json.dumps(library.schema(providers), indent=2, ensure_ascii=False) + "\n"
    if file is None:
        output.write(text.rstrip("\n") + "\n")
    else:
        write_file(file, text, force=True)
        output.line(str(file))
    return ExitCode.OK
