"""``backhaul validate``: reports all errors in YAML files at once, offline."""

from typing import Annotated, Any

import typer

from backhaul.cli import library, output
from backhaul.cli.common import Configs, Json, command
from backhaul.cli.complaints import complain
from backhaul.errors import ConfigError, ExitCode

AllowUnset = Annotated[
    bool,
    typer.Option(
        "--allow-unset", help="Allow unset variables in sources, e.g. without credentials."
    ),
]


@command
def validate(configs: Configs, *, allow_unset: AllowUnset = False, json: Json = False) -> int:
    """Check YAML files; makes no requests.

    Examples:
      backhaul validate hpt.yaml
      backhaul validate *.yaml --allow-unset --json
    """
    try:
        loaded, _ = library.load_configs(configs, offline=allow_unset)
    except ConfigError as error:
        if json:
            output.as_json(
                {"exit_code": ExitCode.USAGE, "valid": False, "problems": list(error.problems)}
            )
            return ExitCode.USAGE
        raise
    broken = [
        source.plugin_error.message
        for config in loaded
        for source in config.sources.values()
        if source.plugin_error is not None
    ]
    code = ExitCode.PLUGIN if broken else ExitCode.OK
    if json:
        output.as_json({"exit_code": code, "valid": not broken, "problems": broken})
    elif broken:
        for problem in broken:
            complain(problem)
    else:
        for config, path in zip(loaded, dict.fromkeys(configs), strict=True):
            output.line(f"{path}: {_count(config.sources, 'source')}, {_count(config.jobs, 'job')}")
    return code


def _count(items: Any, what: str) -> str:
    return f"{len(items)} {what}{'' if len(items) == 1 else 's'}"
