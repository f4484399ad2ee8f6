"""Runs in processes of their own, on a disk that loses what was not synced, killed or failing at a step."""

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
    """Python with such arguments; ``environment``: what ``dying/sitecustomize.py`` reads."""
    return subprocess.Popen(
        [sys.executable, *words],
        env=_environment(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _environment(changes: Mapping[str, str]) -> dict[str, str]:
    paths = [str(DYING), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "DIE_AT": "0", **changes}


def command(config: Path) -> Sequence[str]:
    """The arguments of ``backhaul run``."""
    return (*COMMAND, "run", str(config), "--json", "-q")


def on_disk(folder: Path, way: str, seed: int = 0) -> dict[str, str]:
    """The environment that has a folder lie on a losing disk."""
    return {"LOSE_UNDER": str(folder), "LOSE": way, "LOSE_SEED": str(seed)}


def killed(words: Sequence[str], **environment: str) -> None:
    """A process that must be killed at its step."""
    assert ended(words, **environment) == -signal.SIGKILL


def ended(words: Sequence[str], **environment: str) -> int:
    """A process's exit code, when it has ended; -9 when it was killed."""
    return warm.ended(words, _environment(environment))
