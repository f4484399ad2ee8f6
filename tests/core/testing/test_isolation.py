"""What one test leaves behind is not there for the next one."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
TWINS = """
import os, subprocess, sys
import pytest

@pytest.mark.parametrize("word", ["one", "two"])
def test_the_module_that_was_just_written_is_imported(tmp_path, word):
    module = tmp_path / "twin.py"
    module.write_text(f"print('{word}')")
    os.utime(module, (1_000_000_000, 1_000_000_000))
    done = subprocess.run([sys.executable, "-c", "import twin"], cwd=tmp_path, stdout=subprocess.PIPE)
    assert done.stdout == f"{word}\\n".encode()
"""


def test_a_module_of_the_same_path_size_and_time_is_compiled_again(tmp_path: Path) -> None:
    (tmp_path / "test_twins.py").write_text(TWINS)
    program = [sys.executable, "-m", "pytest", "-n", "0", "-c", ROOT / "pyproject.toml"]
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'base'}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}

    for word in ("one", "two"):  # some versions of pytest reuse a name within a run too
        done = subprocess.run(
            [*program, *options, "-k", word, tmp_path], cwd=tmp_path, env=environment,
            stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        assert "1 passed" in done.stdout, done.stdout
