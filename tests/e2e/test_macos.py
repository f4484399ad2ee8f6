"""Commands on a system with macOS's calls instead of Linux's: as near as a Linux machine gets to it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.core.transfer.processes.counting import CountingServer
from tests.shelf import large_archive

from backhaul.transfer.unit import HUGE

DAYS, LAST = 90, "2011-03-31"
AS_ON_MACOS = Path(__file__).parents[1] / "as_on_macos"


def body(path: str) -> bytes:
    """One of many files, the last of which is large."""
    return large_archive(1, HUGE + 1_000_000 if LAST in path else 10_000)


@pytest.mark.skipif(sys.platform != "linux", reason="imitates macOS on Linux")
def test_files_are_fetched_verified_and_copied(tmp_path: Path) -> None:
    with CountingServer(body) as server:
        config = tmp_path / "backhaul.yaml"
        config.write_text(
            json.dumps(
                {
                    "version": 1,
                    "settings": {
                        "dest": "archive",
                        "workers": 2,
                        "on_job": {"command": ["sh", "-c", "cat >ended.json"]},
                    },
                    "sources": {
                        "shelf": {
                            "provider": "http-series",
                            "url": f"{server.url}/{{start:%Y-%m-%d}}.jsonl.gz",
                            "every": "1d",
                            "auth": {"header": {"x-key": {"command": ["echo", "secret"]}}},
                        }
                    },
                    "jobs": {"days": {"source": "shelf", "from": "2011-01-01", "to": "2011-04-01"}},
                }
            )
        )
        ran = command(tmp_path, "run", "--json")
        assert (ran.stderr, ran.returncode) == ("", 0)
        (job,) = json.loads(ran.stdout)["jobs"]
        assert job["files"]["verified"] == DAYS
        assert (tmp_path / "ended.json").exists()
    # Each empties the drive's cache, which takes some milliseconds.
    assert 0 < (tmp_path / "full-syncs").stat().st_size < DAYS // 2
    copied = command(tmp_path, "copy", "--to", str(tmp_path / "copy"))
    assert (copied.stderr, copied.returncode) == ("", 0)
    checked = command(tmp_path, "verify", "--deep")
    assert (checked.stderr, checked.returncode) == ("", 0)


def command(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command there."""
    paths = os.pathsep.join(filter(None, [str(AS_ON_MACOS), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", "backhaul", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "FULL_SYNCS": str(folder / "full-syncs")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
