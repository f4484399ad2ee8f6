"""Help, version, completion, and the commands that create or check YAML and plugins."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import event_lines, warm
from tests.messages import missing_facts
from tests.usual import usual

from backhaul import how_to_install
from backhaul.cli.app import COMMANDS
from backhaul.plugins.discovery import Plugins

Run = Callable[..., Any]
NO_WERKZEUG = (
    "import sys; sys.modules['werkzeug'] = None;"
    " from backhaul.cli.main import main; sys.exit(main(sys.argv[1:]))"
)


def test_the_version_is_printed_without_loading_typer() -> None:
    code = (
        "import sys; from backhaul.cli.main import main; main(['--version']);"
        " print(sorted({'typer', 'rich', 'pydantic', 'requests', 'pycurl'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    version, loaded = done.stdout.splitlines()
    assert version.startswith("backhaul 0.")
    assert loaded == "[]"


def test_help_loads_no_heavy_modules() -> None:
    code = (
        "import sys; from backhaul.cli.main import main; main(['--help']);"
        " print(sorted({'rich', 'pydantic', 'requests', 'pycurl', 'yaml', 'sqlite3'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


WITHOUT_YAML = sorted({*COMMANDS} - {"emulate", "demo"})


@pytest.mark.parametrize("name", usual(WITHOUT_YAML, "run", "gaps"))
def test_help_of_a_command_does_not_load_what_the_command_needs(name: str) -> None:
    code = (
        "import sys; from backhaul.cli.main import main; main([sys.argv[1], '--help']);"
        " print(sorted({'backhaul.api', 'rich', 'pydantic', 'requests', 'pycurl', 'yaml', 'sqlite3'}"
        " & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, name], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith(f"Usage: backhaul {name}")
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_names_every_command(backhaul: Run) -> None:
    ended = backhaul("--help")

    assert ended.code == 0
    assert all(f"  {name} " in ended.out for name in COMMANDS)


@pytest.mark.parametrize(
    "words", [[name] for name in COMMANDS] + [["plugins", each] for each in ("list", "new", "test")]
)  # fmt: skip
def test_every_command_has_help(backhaul: Run, words: list[str]) -> None:
    ended = backhaul(*words, "--help")

    assert ended.code == 0
    assert f"Usage: backhaul {' '.join(words)}" in ended.out
    assert len(ended.out.splitlines()) > 5


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_the_completion_script_is_printed() -> None:
    """The shell is detected from parent processes: there must be one, wherever the tests run."""
    words = shlex.join([sys.executable, "-m", "backhaul", "--show-completion"])

    done = subprocess.run(
        ["bash", "-c", f"{words}; exit $?"], capture_output=True, text=True, check=True
    )

    assert "_BACKHAUL_COMPLETE" in done.stdout


def test_a_word_is_completed(spawn: Run) -> None:
    asked = {"_BACKHAUL_COMPLETE": "complete_bash", "COMP_WORDS": "backhaul ga", "COMP_CWORD": "1"}
    process = spawn(env={**os.environ, **asked})

    out, _ = process.communicate(timeout=20)

    assert out.split() == ["gaps"]


@pytest.mark.parametrize("provider", Plugins().names)
def test_the_output_of_init_is_valid(backhaul: Run, tmp_path: Path, provider: str) -> None:
    path = tmp_path / "new.yaml"

    assert backhaul("init", provider, "-o", path).code == 0
    ended = backhaul("validate", path, "--allow-unset")

    assert ended.code == 0
    assert "1 job" in ended.out


def test_init_replaces_nothing_unless_forced(backhaul: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine")

    refused = backhaul("init", "gnip-hpt", "-o", path)
    kept = path.read_text()
    forced = backhaul("init", "gnip-hpt", "-o", path, "--force")

    assert (refused.code, kept, forced.code) == (2, "mine", 0)
    assert "--force" in refused.err
    assert "provider: gnip-hpt" in path.read_text()


def test_init_without_a_provider_lists_the_providers_one_per_line(backhaul: Run) -> None:
    ended = backhaul("init")

    assert ended.code == 0
    listed = re.findall(r"^  (\S+)  +\w", ended.out, re.MULTILINE)
    assert listed == Plugins().names
    assert "`backhaul init PROVIDER` writes backhaul.yaml" in ended.out


def test_init_and_the_other_commands_mean_the_same_file(
    backhaul: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GNIP_USERNAME", "GNIP_PASSWORD"):
        monkeypatch.setenv(name, "x")

    created = backhaul("init", "gnip-hpt")
    second = backhaul("init", "stocktwits-backup")
    valid = backhaul("validate")

    assert (created.code, second.code, valid.code) == (0, 2, 0)
    assert "provider: gnip-hpt" in (tmp_path / "backhaul.yaml").read_text()
    assert "GNIP_USERNAME, GNIP_PASSWORD" in created.out
    assert "backhaul.yaml exists" in second.err
    assert valid.out == "backhaul.yaml: 1 source, 1 job\n"


def test_the_last_step_of_init_writes_the_schema_that_the_file_names(
    backhaul: Run, tmp_path: Path
) -> None:
    path = tmp_path / "new.yaml"
    first = backhaul("init", "gnip-hpt", "-o", path)
    named = tmp_path / path.read_text().partition("\n")[0].rpartition("$schema=")[2]

    step = first.out.splitlines()[-1]
    assert step == f"  5. For completion in your editor: backhaul schema -o {named}"
    assert backhaul(*step.split()[-3:]).code == 0
    assert named.exists()
    assert "schema" not in backhaul("init", "gnip-hpt", "-o", path, "--force").out


@pytest.mark.parametrize(
    "command",
    ["run", "plan", "jobs", "status", "files", "gaps", "verify", "watch", "validate", "report"],
)
def test_without_a_file_a_command_says_how_to_get_one(
    backhaul: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)

    ended = backhaul(command)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "backhaul: error: backhaul.yaml: cannot be read: No such file or directory;"
        " name a YAML file, or create this one with `backhaul init PROVIDER`\n"
    )


def test_init_writes_to_stdout_when_asked(backhaul: Run, tmp_path: Path) -> None:
    printed = backhaul("init", "gnip-hpt", "-o", "-")
    backhaul("init", "gnip-hpt", "-o", tmp_path / "new.yaml")

    assert printed.out == (tmp_path / "new.yaml").read_text()


def test_init_of_an_unknown_provider_suggests_a_similar_one(backhaul: Run) -> None:
    ended = backhaul("init", "gnip-htp")

    assert ended.code == 12
    assert "'gnip-hpt'" in ended.err


def test_the_schema_goes_to_stdout_or_a_file(backhaul: Run, tmp_path: Path) -> None:
    printed = backhaul("schema")
    path = tmp_path / "backhaul.schema.json"
    backhaul("schema", "-o", path)

    assert printed.json["$schema"].startswith("https://json-schema.org/")
    assert json.loads(path.read_text()) == printed.json


def test_validate_reports_all_errors_at_once(backhaul: Run, tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("sources: {s: {provider: stocktwits-backup, usrname: x}}\njob: {}\n")
    second.write_text("version: 7\nsources: {}\n")

    ended = backhaul("validate", first, second)

    assert ended.code == 2
    lines = ended.err.splitlines()
    assert sum(line.startswith(f"{first}:") for line in lines) >= 3
    assert sum(line.startswith(f"{second}:") for line in lines) >= 2
    assert '"username"' in ended.err
    problems = backhaul("validate", first, second, "--json").json["problems"]
    assert len(problems) == len(lines) - 1


def test_plugins_are_listed_with_their_hooks(backhaul: Run) -> None:
    ended = backhaul("plugins", "list", "--json")

    found = {each["name"]: each for each in ended.json["plugins"]}
    assert {"gnip-hpt", "stocktwits-backup", "datasift-historics", "massrelevance-meta"} <= set(
        found
    )
    assert "resolve_files" in found["gnip-hpt"]["hooks"]
    assert found["gnip-hpt"].keys() >= {"name", "version", "distribution", "hooks", "error"}
    assert "resolve_files" in backhaul("plugins", "list").out


def test_a_scaffold_is_written(backhaul: Run, tmp_path: Path) -> None:
    ended = backhaul("plugins", "new", "acme-archive", "-o", tmp_path / "acme")

    assert ended.code == 0
    assert (tmp_path / "acme" / "pyproject.toml").is_file()
    assert "backhaul plugins test acme-archive" in ended.out


def test_a_scaffold_never_takes_the_name_of_an_installed_provider(
    backhaul: Run, tmp_path: Path
) -> None:
    ended = backhaul("plugins", "new", "gnip-hpt", "-o", tmp_path / "mine")

    assert ended.code == 2
    assert "'gnip-hpt'" in ended.err
    assert not (tmp_path / "mine").exists()


def test_an_unknown_fault_is_a_usage_error(backhaul: Run) -> None:
    ended = backhaul("emulate", "gnip-hpt", "--port", "0", "--fault", "blah")

    assert ended.code == 2
    assert not missing_facts(ended.err, "backhaul: ", "--fault", "blah"), ended.err


def test_emulate_serves_until_it_is_stopped(spawn: Run, backhaul: Run, tmp_path: Path) -> None:
    path = tmp_path / "emulated.yaml"
    process = spawn("emulate", "gnip-hpt", "massrelevance-meta", "--port", "0", "-o", path)
    assert process.stdout is not None
    assert any("Ctrl-C" in line for line in process.stdout)

    document = yaml.safe_load(path.read_text())
    planned = backhaul("plan", path, "--json")
    process.terminate()

    assert set(document["sources"]) == {"gnip-hpt", "massrelevance-meta"}
    assert planned.code == 0
    assert process.wait(timeout=10) == 0


@pytest.mark.parametrize("command", ["demo", "emulate"])
def test_without_werkzeug_a_line_says_how_to_get_it(command: str) -> None:
    done = warm.run(
        [sys.executable, "-c", NO_WERKZEUG, command], capture_output=True, text=True, check=False
    )

    assert done.returncode == 12
    assert not missing_facts(done.stderr, "backhaul: ", how_to_install("demo")), done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.matrix
def test_the_demo_fetches_everything_and_nothing_twice(spawn: Run, tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    process = spawn("demo", "--dest", tmp_path / "demo", "--events", log)

    out, err = process.communicate(timeout=55)

    assert (process.returncode, err) == (0, "")
    assert "worldcup: complete" in out
    (_, first), (_, second) = re.findall(r"(\d+) of \1 jobs.* (\d+) files ", out)
    assert int(first) > 200
    assert second == "0"
    assert str(tmp_path / "demo" / "archive") in out
    assert "Traceback" not in out
    assert len(out.splitlines()) < 55
    events = event_lines.read(log)
    assert [each["exit_code"] for each in events if each["event"] == "run_ended"] == [0, 0]
    done = [each["event"] for each in events].count("file_done")
    assert done == int(first)
