"""``backhaul doctor``: checks whether a run would work, and suggests fixes."""

from typing import TYPE_CHECKING

from backhaul.commands import Configs, Csv, Json, command, output, wording, worst, write_csv

if TYPE_CHECKING:
    from backhaul_doctor.finding import Finding

_COLOURS = {"ok": "good", "warning": "warn", "failed": "bad"}
_COLUMNS = ("check", "subject", "state", "message", "advice", "exit_code")
_WIDTH = max(map(len, _COLOURS))


@command
def doctor(configs: Configs, *, json: Json = False, csv: Csv = False) -> int:
    """Check everything that a run needs, and suggest fixes.

    Checks the YAML, environment variables, secrets, plugins, the destination and anything that earlier
    runs left in it, the settings' commands, metrics and webhook, and each provider's host name, connection, certificate, clock and login. Fetches no data.

    Examples:
      backhaul doctor hpt.yaml
      backhaul doctor *.yaml --json
    """
    from backhaul_doctor.examine import examine  # noqa: PLC0415 - --help needs none of it

    found = []
    for each in examine(configs):
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
    output.line(f"{wording.count(len(states), 'check')}: {counts}")
    return code


def _show(found: "Finding") -> None:
    state = output.colour(str(found.state).ljust(_WIDTH), _COLOURS[found.state])
    subject, message = output.words(found.subject), output.words(found.message)
    named = message if message.startswith(f"{subject}:") else f"{subject}: {message}"
    output.line(f"{state}  {found.check}: {named}")
    if found.advice:
        output.line(f"{' ' * _WIDTH}  {output.words(found.advice)}")
    output.flush()
