"""A host that asks for an hour's pause: the run neither waits that long nor sends pointless requests."""

from pathlib import Path

import pytest
from tests.safety.command import run, write_config
from tests.usual import usual

from backhaul_gnip_hpt.emulator import GnipHptEmulator


def test_files_that_wait_for_a_host_that_is_given_up_fail_at_once(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=40, silent=0.0, faults="503=3600:all") as emulator:
        ran = run(write_config(tmp_path, emulator, settings={"connections": 4}))
        assert (ran.code, ran.kinds) == (6, {"throttled"})
        assert ran.job["files"]["failed"] == 40
        assert len(emulator.requests.at("storage")) <= 8


@pytest.mark.parametrize(
    ("workers", "connections"), usual([("2", 2), ("1", 4), pytest.param("2", 4, id="2-4")], "2")
)
def test_one_file_that_is_refused_for_an_hour_does_not_hold_up_the_others(
    tmp_path: Path, workers: str, connections: int
) -> None:
    with GnipHptEmulator(slots=40, silent=0.0, faults="503=3600:all@*/00/10_*") as emulator:
        config = write_config(tmp_path, emulator, settings={"connections": connections})
        ran = run(config, "--workers", workers)
        assert ran.kinds == {"throttled"}
        assert ran.job["files"]["verified"] == 39
