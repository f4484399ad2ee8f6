"""An unexpected error in any thread or task of a cluster's run ends it, which otherwise would wait."""

import os
import sys
from pathlib import Path

import pytest
from tests import warm
from tests.core.transfer.cluster.conftest import python_path
from tests.core.transfer.processes.counting import CountingServer
from tests.usual import usual

PROGRAM = "tests.core.transfer.cluster.broken_run"
ROOT = Path(__file__).parents[4]

DRIVER = [
    "cluster.pool.ClusterPool._turn",
    "cluster.crew.ClusterCrew._compare",
    "cluster.crew.ClusterCrew._refuse",
    "cluster.worker.DaskWorker.exchange",
]
WORKER = [
    "cluster.finishing.Finishing._finish",
    "cluster.session.Session.look",
    "cluster.session.Session.take",
    "verification.Verification._judge_part",
]


@pytest.mark.parametrize("method", usual([*DRIVER, *WORKER], DRIVER[0], WORKER[0]))
def test_an_unexpected_error_ends_the_run(
    installed: Path, server: CountingServer, tmp_path: Path, method: str
) -> None:
    done = warm.run(
        [sys.executable, "-m", PROGRAM, method, server.url, tmp_path / "a"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), python_path(installed)])},
        capture_output=True,
        text=True,
    )
    assert "sabotage" in done.stdout, done.stderr
