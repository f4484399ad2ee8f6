"""Commands of other packages: listed with their help, imported only when called."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import warm

from backhaul.cli.app import load_installed
from backhaul.cli.installed import installed

Acme = Callable[..., Path]
HELLO = '''
"""Says hello."""

from backhaul import ConfigError, ExitCode
from backhaul.commands import Configs, Json, command, known_jobs, load_outline, output

print("acme is imported")


@command
def hello(configs: Configs, *, json: Json = False) -> int:
    """Greet each job.

    And nothing else.
    """
    names = [job.name for job in known_jobs(load_outline(configs))]
    if "refused" in names:
        raise ConfigError("refused: no such greeting")
    if json:
        output.as_json({"exit_code": ExitCode.INCOMPLETE, "jobs": names})
    else:
        output.line(", ".join(names))
    return ExitCode.INCOMPLETE


def bare() -> None:
    """Look like a command."""
'''


@pytest.fixture(name="acme")
def _acme(tmp_path: Path) -> Acme:
    """Creates an importable package with commands; returns its path."""

    def install(
        entries: str, text: str = HELLO, *, package: str = "acme_tools", module: str = "acme"
    ) -> Path:
        site = tmp_path / "site"
        metadata = site / f"{package}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        (metadata / "entry_points.txt").write_text(
            f"[console_scripts]\nreport = acme:main\n\n[backhaul.commands]\n# ours\n{entries}\n"
        )
        (site / module).mkdir(exist_ok=True)
        (site / module / "__init__.py").write_text("print('the package is imported')\n")
        (site / module / "tool.py").write_text(text)
        return site

    return install


def _call(*words: object, site: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "TERM": "dumb", "NO_COLOR": "1"}
    return warm.run(
        [sys.executable, "-m", "backhaul", *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(name="config")
def _config(tmp_path: Path) -> Path:
    path = tmp_path / "backhaul.yaml"
    path.write_text(
        "version: 1\nsources:\n  one: {provider: http-series, url: 'https://a.test/{start:%Y}', every: 1y}\n"
        "jobs:\n  first: {source: one, from: 2015-01-01, to: 2016-01-01}\n"
    )
    return path


def test_help_lists_a_command_with_the_first_line_of_its_help_without_importing_it(
    acme: Acme,
) -> None:
    done = _call("--help", site=acme("hello = acme.tool:hello"))

    assert (done.returncode, done.stderr) == (0, "")
    assert "\n  hello     Greet each job.\n" in done.stdout
    assert "imported" not in done.stdout
    names = [line.split()[0] for line in done.stdout.partition("Commands:\n")[2].splitlines()]
    assert names[-3:] == ["hello", "report", "rollup"]


def test_it_has_the_common_options_and_its_exit_code(acme: Acme, config: Path) -> None:
    site = acme("hello = acme.tool:hello")

    shown = _call("hello", "--help", site=site)
    done = _call("hello", config, site=site)
    as_json = _call("hello", config, "--json", site=site)

    assert "Usage: backhaul hello [OPTIONS] [CONFIG]" in shown.stdout
    assert "--log-file FILE" in shown.stdout
    assert (done.returncode, done.stdout) == (3, "first\n")
    assert done.stderr == "the package is imported\nacme is imported\n"
    assert json.loads(as_json.stdout) == {"exit_code": 3, "jobs": ["first"]}


def test_an_error_of_the_command_is_reported_in_one_line(
    acme: Acme, config: Path, tmp_path: Path
) -> None:
    site = acme("hello = acme.tool:hello")
    config.write_text(config.read_text().replace("first:", "refused:"))

    refused = _call("hello", config, site=site)
    missing = _call("hello", tmp_path / "none.yaml", site=site)

    assert refused.returncode == missing.returncode == 2
    assert refused.stderr.endswith("\nbackhaul: error: refused: no such greeting\n")
    assert "none.yaml" in missing.stderr


@pytest.mark.parametrize(
    ("value", "text", "reported"),
    [
        (
            "acme.tool:hello",
            "import nothing_of_the_kind\n",
            "No module named 'nothing_of_the_kind'",
        ),
        ("acme.tool:hello", "def broken(\n", "'(' was never closed"),
        ("acme.tool:gone", HELLO, "has no attribute 'gone'"),
        ("elsewhere.tool:hello", HELLO, "No module named 'elsewhere'"),
        ("acme.tool:bare", HELLO, "is not decorated with backhaul.commands.command"),
    ],
)
def test_a_command_that_cannot_be_loaded_does_not_affect_the_others(
    acme: Acme, value: str, text: str, reported: str
) -> None:
    site = acme(f"hello = {value}", text)

    listed = _call("--help", site=site)
    done = _call("hello", site=site)

    assert listed.returncode == 0
    assert listed.stderr == ""
    assert "  hello   " in listed.stdout
    assert done.returncode == 12
    assert "command 'hello' of acme-tools" in done.stderr
    assert reported in done.stderr
    assert "Traceback" not in done.stderr


def test_built_in_commands_cannot_be_replaced(acme: Acme) -> None:
    done = _call("schema", "--help", site=acme("schema = acme.tool:hello"))

    assert "Print a JSON Schema" in done.stdout


def test_two_packages_with_one_name_are_refused(acme: Acme) -> None:
    acme("hello = acme.tool:hello")
    site = acme("hello = acme.tool:hello", package="other_tools")

    done = _call("hello", site=site)

    assert done.returncode == 12
    assert "the command 'hello' is claimed by" in done.stderr
    assert "acme-tools" in done.stderr
    assert "other-tools" in done.stderr


def test_a_mistyped_name_suggests_the_nearest(acme: Acme) -> None:
    done = _call("helo", site=acme("hello = acme.tool:hello"))

    assert done.returncode == 2
    assert "No such command 'helo'. Did you mean 'hello'" in done.stderr


@pytest.mark.parametrize("name", ["doctor", "report", "rollup"])
def test_a_commands_summary_is_the_first_line_of_its_help(name: str) -> None:
    (found,) = installed()[name]

    assert (load_installed([found]).help or "").splitlines()[0] == found.summary()


def test_the_command_that_the_guide_shows_works(acme: Acme, config: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/write-a-command.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (entry,) = re.findall(r"^```toml\n\[.*?\]\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    site = acme(entry.replace('"', "").strip().replace("acme_tools.names", "acme.tool"), code)

    done = _call("names", "-q", config, site=site)
    loud = _call("names", config, site=site)

    assert (done.returncode, loud.returncode) == (0, 0)
    assert loud.stdout == "first\n"
    assert "  names     List the names of all jobs.\n" in _call("--help", site=site).stdout
