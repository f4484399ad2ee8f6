"""The content of the generated documents, including the hand-written text around the tables."""

import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import get_args

from pydantic import BaseModel
from tests import warm
from tests.docs import commands_api, event_tables, man, providers, reference, values
from tests.docs.option_tables import option_table
from tests.safety import table

from backhaul.config import Settings
from backhaul.config.read import JobKeys, SourceKeys
from backhaul.errors import ExitCode, FailureKind
from backhaul.plugins.discovery import Plugins

_NOTE = reference.NOTE

_OWN_COMMANDS = """## Commands of other packages

`doctor`, `report` and `rollup` are separate packages, and any package can add a command: see
[Write a command](write-a-command.md)."""


def pages() -> dict[str, str]:
    """The documents' texts by file name."""
    return {
        "commands.md": commands(),
        "yaml.md": yaml(),
        "exit-codes.md": exit_codes(),
        "failures.md": table.page(),
        **providers.pages(),
        "api.md": reference.api(),
        "write-a-command.md": commands_api.page(),
        "examples.md": reference.examples(),
        "events.md": event_tables.in_page(),
        "events.schema.json": event_tables.schema(),
        "../providers/README.md": values.in_guide(),
        **manual(),
    }


@cache
def help_of(*command: str) -> str:
    """The output of ``backhaul COMMAND --help``, without colours and at a fixed width."""
    environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    printed = warm.run(
        [sys.executable, "-m", "backhaul", *command, "--help"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return "\n".join(line.rstrip() for line in printed.strip().splitlines())


def subcommands(text: str) -> list[str]:
    """The commands listed in a help text."""
    _, _, listed = text.partition("Commands")
    return re.findall(r"^\s{1,4}([a-z][a-z-]*)\s{2,}", listed, re.MULTILINE)


def command_lines() -> Iterator[tuple[str, ...]]:
    """All commands and their subcommands: ``("plugins",)``, ``("plugins", "list")``."""
    for name in subcommands(help_of()):
        yield (name,)
        text = help_of(name)
        if "COMMAND" in text.splitlines()[0]:
            yield from ((name, inner) for inner in subcommands(text))


def manual() -> dict[str, str]:
    """The manual pages by file name."""
    lines = [(), *command_lines()]
    found = {}
    for words in lines:
        near = [each for each in lines if each != words and (not words or each[:-1] == words[:-1])]
        others = [("backhaul", *each) for each in ([(), *near] if words else near) if each != words]
        name = "-".join(("backhaul", *words))
        found[f"man/{name}.1"] = man.page(
            ("backhaul", *words), help_of(*words), list(dict.fromkeys(others))
        )
    return found


def commands() -> str:
    top = help_of()
    parts = [
        "# Commands",
        _NOTE,
        "Results go to stdout, logs and progress to stderr. `--json` prints results for programs. `--csv` prints"
        " lists as CSV (RFC 4180): a header, columns named after the keys of `--json` (nested keys joined by dots),"
        " list values joined by semicolons. Text that a spreadsheet would run as a formula (it begins with `=`,"
        " `+`, `-` or `@`) is prefixed with an apostrophe; `--json` leaves it unchanged. `--color` overrides"
        " `NO_COLOR`, which overrides the check for a terminal. Exit codes: [exit-codes.md](exit-codes.md).",
        "`backhaul --install-completion` completes commands, options, and the names of jobs, sources, states, faults"
        " and providers, in bash, zsh, fish and PowerShell.",
        f"```text\n{top}\n```",
    ]
    for words in command_lines():
        title = f"{'#' * (1 + len(words))} backhaul {' '.join(words)}"
        parts.append(f"{title}\n\n```text\n{help_of(*words)}\n```")
    parts.append(_OWN_COMMANDS)
    return "\n\n".join(parts) + "\n"


def yaml() -> str:
    parts = [
        "# The YAML",
        _NOTE,
        "Four keys: `version` (1), `settings`, `sources` (accounts at providers) and `jobs`. Commented"
        " examples are in [Example configurations](examples.md); `backhaul init PROVIDER` writes one, `backhaul"
        " schema` prints the JSON Schema, and `backhaul validate` checks a file offline.",
        "Values may use environment variables: `${VAR}`, `${VAR:-default}`, `${VAR:?what it is}`, and"
        " `$$` for a dollar sign. An unset variable is an error. A single `$` is kept.",
        "A secret may also be kept in a file, `password: {file: ~/.secrets/archive}`, or come from a"
        " command, `password: {command: [pass, show, archive]}`. Paths are relative to the YAML file. The"
        " command runs in its folder, without a shell. One trailing line break is removed. Both are read"
        " when the provider is first contacted, never by `validate` or offline commands.",
        "## settings",
        option_table(Settings).strip(),
        *_of_mappings(),
        "## Every source and every job",
        "Keys of every source, in addition to those of its provider:",
        option_table(SourceKeys).strip(),
        "Keys of every job, in addition to those of its provider:",
        option_table(JobKeys).strip(),
        "A job's name is also the name of its folder. Names of jobs and files follow the same rules on every"
        " system, so that an archive can be moved. Refused are device names of Windows, alone or before a"
        ' dot (`con`, `nul.json.gz`, `com1`), the characters `\\ : * ? " < > |`, control characters, parts'
        " that begin with a space or end with a space or a dot, parts longer than 230 bytes, and names of"
        " backhaul's own files. A job with such a name is a configuration error; a file fails as"
        " `unsafe_name` (exit code 3). The key `name` of `http-series`, `http-index` and `s3-prefix` stores"
        " files under other names.",
    ]
    plugins = Plugins()
    for name in plugins.names:
        info = plugins.load(name).info
        parts += [
            f"## {name}",
            f"{info.title}.",
            "Source keys:",
            option_table(info.source).strip(),
            "Job keys:",
            option_table(info.job).strip(),
        ]
    return "\n\n".join(parts) + "\n"


def _of_mappings() -> Iterator[str]:
    """The keys of those settings that are mappings."""
    for name, field in Settings.model_fields.items():
        for each in get_args(field.annotation):
            if isinstance(each, type) and issubclass(each, BaseModel):
                yield f"### settings.{name}"
                yield option_table(each).strip()


def exit_codes() -> str:
    codes = "\n".join(f"| {int(code)} | {code.meaning} |" for code in ExitCode)
    kinds = "\n".join(
        f"| `{kind.value}` | {int(kind.exit_code)} | {kind.advice} |" for kind in FailureKind
    )
    return f"""# Exit codes and failure kinds

{_NOTE}

If there are several failures, the exit code is the first of 130, 1, 2, 12, 9, 4, 6, 7, 8, 3, 10, 11, 5
that applies.

| code | meaning |
|---|---|
{codes}

With `--json`, `exit_code` is the same number. The JSON of a command that cannot start, for example because
of an error in the YAML, has `exit_code` and `problems`, a list of messages.

Each failure has a kind, which is the same in `--json`, in the ledger and in messages.

| kind | exit code | what to do |
|---|---|---|
{kinds}
"""
