"""A job is complete only if nothing is left to fetch."""

from pathlib import Path

from tests.safety.command import run, write_config

from backhaul_gnip_hpt.emulator import GnipHptEmulator


def test_a_new_job_run_with_only_failed_fails_with_exit_code_3(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=4, silent=0.0) as emulator:
        ran = run(write_config(tmp_path, emulator), "--only-failed")
        assert (ran.code, ran.job["state"], ran.job["files"]["fetched"]) == (3, "failed", 0)


def test_a_file_that_is_no_longer_listed_and_never_arrived_is_missing(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=4, silent=0.0, faults="not_found:all@*/00/10_*") as emulator:
        config = write_config(tmp_path, emulator)
        assert run(config).code == 3
    with GnipHptEmulator(slots=1, silent=0.0) as emulator:
        ran = run(write_config(tmp_path, emulator))
        assert (ran.kinds, ran.job["files"]["missing"]) == ({"not_found"}, 1)
