"""Links that die in the middle of a run."""

from collections import Counter
from pathlib import Path

from tests.safety.command import run, write_config

from backhaul_gnip_hpt.emulator import GnipHptEmulator


def results(emulator: GnipHptEmulator) -> int:
    return sum("results.json" in each.path for each in emulator.requests.at("api"))


def bytes_of_files(emulator: GnipHptEmulator) -> int:
    return sum(each.body_bytes for each in emulator.requests.at("storage") if each.status < 300)


def test_links_that_die_after_every_fifty_files_cost_one_listing_a_wave(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=500, silent=0.0, link_budget=50) as emulator:
        ran = run(write_config(tmp_path, emulator, settings={"connections": 16}))
        assert ran.code == 0
        assert ran.job["files"]["fetched"] == 500
        waves = 500 / 50
        assert results(emulator) <= waves + 2, "one for the status, and one a wave"
        statuses = Counter(each.status for each in emulator.requests.at("storage"))
        assert statuses[200] == 500
        assert bytes_of_files(emulator) == ran.job["bytes_fetched"]


def test_large_files_go_on_where_they_were_when_links_are_renewed(tmp_path: Path) -> None:
    large = {"activities": 600, "silent": 0.0}
    with GnipHptEmulator(slots=12, link_budget=7, faults="drop=80000", **large) as emulator:
        ran = run(write_config(tmp_path, emulator, settings={"connections": 64}))
        assert ran.code == 0
        assert 206 in {each.status for each in emulator.requests.at("storage")}
        assert ran.job["files"]["verified"] == 12


def test_fewer_good_links_than_connections_are_still_renewed(tmp_path: Path) -> None:
    large = {"activities": 600, "silent": 0.0}
    with GnipHptEmulator(slots=12, link_budget=3, faults="slow=400000:all", **large) as emulator:
        ran = run(write_config(tmp_path, emulator, settings={"connections": 12}))
        assert (ran.code, ran.job["files"]["verified"]) == (0, 12)


def test_links_that_cannot_be_renewed_end_with_7_and_few_requests(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=200, silent=0.0, link_lifetime=-60) as emulator:
        ran = run(write_config(tmp_path, emulator))
        assert (ran.code, ran.kinds) == (7, {"expired"})
        assert results(emulator) <= 3
        assert len(emulator.requests.at("storage")) <= 2 * 64
        assert ran.job["files"]["failed"] == 200
        message = ran.job["failures"][0]["message"]
        assert "fresh ones are refused" in message
        assert "clock" not in message


def test_a_wrong_clock_is_named_beside_the_expiry(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=6, link_lifetime=-60, faults="clock=1200") as emulator:
        ran = run(write_config(tmp_path, emulator))
        assert ran.code == 7
        assert "20 minutes behind" in ran.job["failures"][0]["message"]


def test_a_clock_that_is_ahead_does_not_keep_good_links_from_being_tried(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=6, silent=0.0, faults="clock=-999999") as emulator:
        assert run(write_config(tmp_path, emulator)).code == 0
