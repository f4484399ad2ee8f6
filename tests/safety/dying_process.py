"""Subprocesses on a disk that loses unsynced data, killed or failing at a given step."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests import warm

DYING = Path(__file__).parent / "dying"
ROOT = Path(__file__).parents[2]
COMMAND = ("-c", "import sys; from backhaul.cli.main import main; sys.exit(main())")
SHELF = ("-m", "tests.safety.shelf_run")


def start(words: Sequence[str], **environment: str) -> "subprocess.Popen[bytes]":
    """Starts Python with these arguments; ``environment``: for ``dying/sitecustomize.py``."""
    return warm.Popen(
        [sys.executable, *words],
        env=_environment(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _environment(changes: Mapping[str, str]) -> dict[str, str]:
    paths = [str(DYING), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "DIE_AT": "0", **changes}


def command(config: Path) -> Sequence[str]:
    """The arguments for ``backhaul run``."""
    return (*COMMAND, "run", str(config), "--json", "-q")


def on_disk(folder: Path, way: str, seed: int = 0) -> dict[str, str]:
    """The environment that puts a folder on a losing disk."""
    return {"LOSE_UNDER": str(folder), "LOSE": way, "LOSE_SEED": str(seed)}


def killed(words: Sequence[str], **environment: str) -> None:
    """Runs a process that must be killed at its step."""
    assert ended(words, **environment) == -signal.SIGKILL


def ended(words: Sequence[str], **environment: str) -> int:
    """Runs a process; returns its exit code, or -9 if it was killed."""
    return warm.ended(words, _environment(environment))
