"""Shell commands as in the vendors' own instructions: bash, curl and xargs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}


def shell(command: str, folder: Path) -> str:
    """The command's output. Runs in the folder, with bash and without proxies.

    Skips the test if bash or curl is not installed; fails it if the command fails.
    """
    for tool in ("bash", "curl"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name.lower() not in _PROXIES},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
