"""``docs/write-a-command.md``: how another package adds a command, and what ``backhaul.commands`` has for it."""

import inspect
import re
from types import ModuleType
from typing import Any

from tests.docs.reference import NOTE

from backhaul import commands

GUIDE = '''`doctor`, `report` and `rollup` are separate packages, and any package can add a command: an entry point of the group
`backhaul.commands` names it and points to a function that is decorated with `backhaul.commands.command` and returns the
exit code. The first line of its docstring is shown in `backhaul --help`, without importing the module.

```toml
[project.entry-points."backhaul.commands"]
names = "acme_tools.names:names"
```

```python
from backhaul import ExitCode
from backhaul.commands import Configs, command, known_jobs, load_outline, output


@command
def names(configs: Configs) -> int:
    """List the names of all jobs."""
    for job in known_jobs(load_outline(configs)):
        output.line(job.name)
    return ExitCode.OK
```

`command` adds `-q`, `-v` and the log options, and turns errors into a line on stderr and an exit code. With `-q`, the
output of `output.line` is only shown if the command fails.

A command may import anything that `backhaul` and `backhaul.commands` export, but nothing else of backhaul. For a program,
[`backhaul.load`](python.md) is enough; the names below are for what it does not cover: options, output, files of the
ledger, locks.'''

NAMES: dict[str, tuple[str, ...]] = {
    "Options and exit codes": (
        *("command", "selecting", "Configs", "JobNames", "Json", "Csv", "worst"),
    ),
    "Output": (
        *("output", "wording", "complain", "write_csv", "write_file", "describe", "redact"),
    ),
    "Configurations and providers": (
        *(
            "load_outline",
            "load_configs",
            "Config",
            "Settings",
            "Source",
            "JobSpec",
            "option_values",
        ),
        *("Plugins", "Provider", "entry_points"),
    ),
    "Local jobs and files": (
        *("known_jobs", "KnownJob", "JobRow", "FileRow", "SlotView", "HERE", "LINES", "ROWS"),
        *("CHANGED", "is_gap", "notes", "kept_bodies", "rejected_folder", "RejectedBody"),
        *("Location", "moment"),
    ),
    "A command's own files": (*("Lease", "Beside", "opening", "write_whole", "sync_folder"),),
    "What a run needs": (*("EarlierRuns", "ServerProbe", "try_store", "try_cluster", "shares"),),
}
_TOLD = {
    "HERE": "The states of a present file: `verified` and `suspect`.",
    "CHANGED": "A bit of `FileRow.flags`: the provider lists another version of a present file.",
    "LINES": "The contents whose records are lines: `jsonl`, compressed or not.",
    "ROWS": "The contents whose records `KnownJob.lines` converts to lines: `csv` and `json`, compressed or not.",
}
_SHOWN = {  # of modules, and of the one class that is a view of what is here
    "output": ("line", "as_json", "table", "colour", "words", "is_terminal"),
    "wording": ("iso", "count", "human", "span", "until", "day_or_time"),
    "opening": ("open_to_read", "create", "replace", "remove", "regular", "InTheWayError"),
    "KnownJob": (
        *("spec", "limits", "count", "files", "slots", "ranges", "summary", "proofs"),
        *("state_of", "ahead", "path_of", "stored", "lines", "proven"),
    ),
    "Beside": ("url", "size", "fetch", "put"),
    "EarlierRuns": ("holder", "check_ledger", "conflict", "parts"),
    "ServerProbe": ("proxy", "connect", "secure", "origins"),
}


def page() -> str:
    """The page."""
    parts = ["# Write a command", NOTE, GUIDE]
    for title, names in NAMES.items():
        rows = [row for name in names for row in _rows(name)]
        parts.append("\n".join([f"## {title}", "", "| name | what it is |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _rows(name: str) -> list[str]:
    value = getattr(commands, name)
    rows = [f"| `{name}{_arguments(value)}` | {_TOLD.get(name) or _summary(value)} |"]
    for inner in _SHOWN.get(name, ()):
        found = inspect.getattr_static(value, inner)
        found = getattr(value, inner) if isinstance(found, staticmethod) else found
        rows.append(f"| `{name}.{inner}{_arguments(found)}` | {_summary(found)} |")
    return rows


def _arguments(value: Any) -> str:
    """The names of a function's arguments."""
    if not inspect.isfunction(value):
        return ""
    names = [name for name in inspect.signature(value).parameters if name != "self"]
    return f"({', '.join(names)})"


def _summary(value: Any) -> str:
    """The first paragraph of a docstring, or the help of an option."""
    if not (isinstance(value, ModuleType | type) or inspect.isroutine(value)):
        option = getattr(value, "__metadata__", (None,))[0]
        text = option.help if option is not None else inspect.getdoc(value)
    else:
        text = inspect.getdoc(value)
    first = " ".join((text or "").split("\n\n")[0].split())
    return re.sub(r"``(.+?)``", r"`\1`", first).replace("|", "\\|")
