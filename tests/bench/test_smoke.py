"""The benchmarks run; ``python -m tests.bench`` is for their results."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = "/usr/sbin:/usr/local/sbin"


@pytest.mark.matrix
def test_the_first_benchmark_runs_both_tools_and_prints_their_ratio() -> None:
    for tool in ("nginx", "curl", "openssl"):
        if not (shutil.which(tool) or shutil.which(tool, path=PATH)):
            pytest.skip(f"{tool} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "1", "--rounds", "1", "--files", "200"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "not measured" not in done.stdout, done.stdout
    assert done.returncode in {0, 1}, done.stderr  # with so few files, the target may be met or not
    assert "200 files of 4 KB" in done.stdout
    assert "200 files of 4 KB, TLS" in done.stdout
    assert "curl --parallel --parallel-max 16" in done.stdout
