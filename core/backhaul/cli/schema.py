"""``backhaul schema``: the JSON Schema of the YAML, for editors, and of events."""

import json
import logging
from pathlib import Path
from typing import Annotated, Any

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
Events = Annotated[
    bool, typer.Option("--events", help="Print the schema of the events of `run --events` instead.")
]


@command
def schema(*, file: Output = None, events: Events = False) -> int:
    """Print a JSON Schema of the YAML, for editors.

    The schema covers the keys of all installed providers.

    Examples:
      backhaul schema
      backhaul schema -o backhaul.schema.json
      backhaul schema --events -o events.schema.json
    """
    made = library.event_schema() if events else _of_yaml()
    text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
    if file is None:
        output.write(text.rstrip("\n") + "\n")
    else:
        write_file(file, text, force=True)
        output.line(str(file))
    return ExitCode.OK


def _of_yaml() -> dict[str, Any]:
    plugins = library.Plugins()
    providers = {}
    for name in plugins.names:
        try:
            providers[name] = plugins.load(name).info
        except PluginError as error:
            log.warning("left out: %s", error.message)
    return library.schema(providers)
