"""Links that expire during a run."""

from collections import Counter
from pathlib import Path

import pytest
from tests.safety.command import run, write_config
from tests.usual import usual

from backhaul_gnip_hpt.emulator import GnipHptEmulator
from backhaul_massrelevance_meta.emulator import MassRelevanceMetaEmulator


def results(emulator: GnipHptEmulator) -> int:
    return sum("results.json" in each.path for each in emulator.requests.at("api"))


def bytes_of_files(emulator: GnipHptEmulator) -> int:
    return sum(each.body_bytes for each in emulator.requests.at("storage") if each.status < 300)


@pytest.mark.matrix
def test_links_that_expire_after_every_fifty_files_cost_one_listing_each_time(
    tmp_path: Path,
) -> None:
    with GnipHptEmulator(slots=500, silent=0.0, link_budget=50) as emulator:
        ran = run(write_config(tmp_path, emulator, settings={"connections": 16}))
        assert ran.code == 0
        assert ran.job["files"]["fetched"] == 500
        waves = 500 / 50
        assert results(emulator) <= waves + 2, "one for the status, and one a wave"
        statuses = Counter(each.status for each in emulator.requests.at("storage"))
        assert statuses[200] == 500
        assert bytes_of_files(emulator) == ran.job["bytes_fetched"]


def test_large_files_continue_where_they_left_off_when_links_are_renewed(tmp_path: Path) -> None:
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
        assert message
        assert "clock" not in message


@pytest.mark.parametrize("dialect", usual(["gone", "page_403", "b2_bad_token"], "page_403"))
def test_links_that_expire_without_an_announced_time_are_renewed(
    tmp_path: Path, dialect: str
) -> None:
    with GnipHptEmulator(slots=160, silent=0.0, link_budget=50) as emulator:
        emulator.storage.dialect = dialect
        ran = run(write_config(tmp_path, emulator, settings={"connections": 64}))
        assert (ran.code, ran.job["files"]["verified"]) == (0, 160)
        assert results(emulator) <= 160 / 50 + 3


def test_files_that_are_refused_cost_two_listings_however_many_they_are(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=200, silent=0.0, faults="denied:all") as emulator:
        ran = run(write_config(tmp_path, emulator))
        assert (ran.code, ran.kinds) == (4, {"denied"})
        assert ran.job["files"]["failed"] == 200
        assert results(emulator) <= 3, "one for the status, one, and one more for fresh links"


def test_missing_files_among_expiring_links_are_missing_and_the_others_arrive(
    tmp_path: Path,
) -> None:
    settings = {"connections": 8}
    missing = "not_found:all@*/03/*"
    with GnipHptEmulator(slots=120, silent=0.0, link_budget=40, faults=missing) as emulator:
        emulator.storage.dialect = "gone"
        ran = run(write_config(tmp_path, emulator, settings=settings))
        assert (ran.code, ran.kinds) == (3, {"not_found"})
        files = ran.job["files"]
        assert (files["verified"], files["missing"]) == (114, 6)
        assert results(emulator) <= 120 / 40 + 4


def test_many_scattered_missing_files_cost_few_listings(tmp_path: Path) -> None:
    missing = "not_found:all@*/?0/* not_found:all@*/?5/*"
    with GnipHptEmulator(slots=288, silent=0.0, faults=missing) as emulator:
        ran = run(write_config(tmp_path, emulator, settings={"connections": 4}))
        assert (ran.code, ran.kinds) == (3, {"not_found"})
        assert ran.job["files"]["verified"] + ran.job["files"]["missing"] == 288
        assert results(emulator) <= 5


@pytest.mark.parametrize("fault", ["not_found", "gone"])
def test_a_file_found_through_a_fresh_link_is_not_a_gap(tmp_path: Path, fault: str) -> None:
    with GnipHptEmulator(slots=6, silent=0.0, faults=f"{fault}@*_00_20_*") as emulator:
        ran = run(write_config(tmp_path, emulator))
        assert (ran.code, ran.job["files"]["missing"]) == (0, 0)
        assert results(emulator) == 3


def test_a_missing_snapshot_is_requested_once(tmp_path: Path) -> None:
    one = "not_found:all@*finish=1348790400*"
    with MassRelevanceMetaEmulator(faults=one) as emulator:
        keys = {"from": "2012-09-26", "to": "2012-09-29", "every": "1d", "formats": ["json"]}
        (name, job), *_ = emulator.jobs().items()
        ran = run(write_config(tmp_path, emulator, jobs={name: {**job, **keys}}))
        assert (ran.code, ran.kinds) == (3, {"not_found"})
        asked = [each for each in emulator.requests.at("api") if "finish=1348790400" in each.query]
        assert len(asked) == 1


def test_a_wrong_clock_is_named_together_with_the_expiry(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=6, link_lifetime=-60, faults="clock=1200") as emulator:
        ran = run(write_config(tmp_path, emulator))
        assert ran.code == 7
        assert "20 minutes behind" in ran.job["failures"][0]["message"]


def test_a_clock_that_is_ahead_does_not_keep_good_links_from_being_tried(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=6, silent=0.0, faults="clock=-999999") as emulator:
        assert run(write_config(tmp_path, emulator)).code == 0
