"""``backhaul doctor``: whether a run could work, and what to do if not."""

from backhaul.cli import library, output
from backhaul.cli.common import Configs, Csv, Json, command
from backhaul.cli.csv_lines import write_csv
from backhaul.errors import worst

_COLOURS = {"ok": "good", "warning": "warn", "failed": "bad"}
_COLUMNS = ("check", "subject", "state", "message", "advice", "exit_code")
_WIDTH = max(map(len, _COLOURS))


@command
def doctor(configs: Configs, *, json: Json = False, csv: Csv = False) -> int:
    """Check everything that a run needs, and say what to do; fetches no data.

    Checks the YAML, environment variables and secrets, plugins, the destination and what earlier
    runs left in it, and for each provider the name, connection, certificate, clock and login.

    Examples:
      backhaul doctor hpt.yaml
      backhaul doctor *.yaml --json
    """
    found = []
    for each in library.examine(configs):
        found.append(each)
        if not (json or csv):
            _show(each)
    code = worst(each.exit_code for each in found)
    if csv:
        write_csv(_COLUMNS, (each.as_json() for each in found))
        return code
    if json:
        output.as_json({"exit_code": int(code), "checks": [each.as_json() for each in found]})
        return code
    states = [str(each.state) for each in found]
    counts = ", ".join(f"{states.count(state)} {state}" for state in _COLOURS if state in states)
    output.line(f"{len(states)} checks: {counts}")
    return code


def _show(found: "library.Finding") -> None:
    state = output.colour(str(found.state).ljust(_WIDTH), _COLOURS[found.state])
    subject, message = output.words(found.subject), output.words(found.message)
    named = message if message.startswith(f"{subject}:") else f"{subject}: {message}"
    output.line(f"{state}  {found.check}: {named}")
    if found.advice:
        output.line(f"{' ' * _WIDTH}  {output.words(found.advice)}")
    output.flush()
