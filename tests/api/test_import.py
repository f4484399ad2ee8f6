"""The cost of ``import backhaul``, and the presence of all its public names."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import backhaul

LIMIT = 0.030  # seconds more than ``python -c pass``
LOADED = "import sys; before = set(sys.modules); import backhaul; import json; "
LOADED += "print(json.dumps(sorted(set(sys.modules) - before)))"
TYPED = Path(__file__).with_name("typed.py")


def seconds(code: str) -> float:
    """CPU time, which does not depend on other load."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_it_takes_at_most_30_ms() -> None:
    plain, imported = [], []
    for _ in range(40):  # load affects some runs, but rarely all
        plain.append(seconds("pass"))
        imported.append(seconds("import backhaul"))
        if len(plain) >= 8 and min(imported) - min(plain) <= LIMIT:
            break

    assert min(imported) - min(plain) <= LIMIT


def test_it_loads_nothing_that_is_not_needed_yet() -> None:
    loaded = json.loads(subprocess.check_output([sys.executable, "-c", LOADED]))

    assert [name for name in loaded if name.startswith("backhaul")] == ["backhaul", "backhaul.lazy"]
    heavy = {"asyncio", "logging", "pycurl", "pydantic", "requests", "rich", "sqlite3", "typer"}
    assert heavy.isdisjoint(loaded)


def test_every_name_exists() -> None:
    for name in backhaul.__all__:
        assert getattr(backhaul, name) is not None
    assert dir(backhaul) == sorted(backhaul.__all__)


@pytest.mark.matrix
def test_types_of_the_api_are_what_a_program_expects(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """With mypy; CI runs pyright on the same file."""
    # The libraries' types, of earlier runs.
    known = pytestconfig.rootpath / ".pytest_cache" / "mypy"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            f"--cache-dir={known}",
            str(TYPED),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=58,
    )

    assert done.returncode == 0, done.stdout
