"""Silence is proven, and a refusal differs from a question that was never asked."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.safety.command import call, run, write_config

from backhaul.testing.serve import emulator
from backhaul_gnip_hpt.emulator import GnipHptEmulator

DATASIFT = {"interactions": 200, "step": None, "waiting": 0}


def slots(config: Path) -> Counter[str]:
    """The states of ``gaps --json``."""
    (job,) = call("gaps", config, "--json").jobs
    return Counter(slot["state"] for slot in job["slots"])


def one_job(folder: Path, running: Any, **settings: Any) -> Path:
    name, keys = next(iter(running.jobs().items()))
    return write_config(folder, running, settings=settings, jobs={name: keys})


def test_a_list_that_contradicts_its_count_makes_every_view_say_unknown(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=40, silent=0.3, activities=2, miscount=1) as running:
        config = write_config(tmp_path, running)
        ran = run(config)
    files = ran.job["files"]
    assert (ran.code, ran.job["state"], ran.kinds) == (8, "partial", {"count_mismatch"})
    assert files["silent"] == 0 < files["unknown"]
    assert slots(config) == {"unknown": files["unknown"]}
    entry = call("status", config, "--offline", "--json").job
    assert entry["here"]["unknown"] == files["unknown"]
    assert entry["doubt"]
    assert call("rollup", config, "--to", "day").code == 3
    page = tmp_path / "report.html"
    assert call("report", config, "-o", page).code == 0
    assert entry["doubt"].partition("(")[0] in page.read_text()
    assert entry["doubt"] in call("watch", config, "--once").out


def test_slots_are_silent_again_once_the_list_agrees_with_its_count(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=40, silent=0.3, activities=2, miscount=1) as running:
        unknown = run(write_config(tmp_path, running)).job["files"]["unknown"]
    with GnipHptEmulator(slots=40, silent=0.3, activities=2) as running:
        ran = run(write_config(tmp_path, running))
        assert (ran.code, ran.job["files"]["silent"]) == (0, unknown)


@pytest.mark.parametrize(
    ("fault", "code", "state"),
    [
        ("api/denied:all@*/pull*", 4, "failed"),
        ("api/429=3600:all@*/pull*", 6, "failed"),
        ("api/not_found:all@*/push/get*", 3, "unknown"),
    ],
    ids=["pulls denied", "pulls throttled", "subscriptions refused"],
)
def test_a_queue_that_is_refused_is_not_silent(
    tmp_path: Path, fault: str, code: int, state: str
) -> None:
    with emulator("datasift-historics", **DATASIFT) as running:
        config = one_job(tmp_path, running, retries=0, api_timeout="2s")
        running.faults.replace(fault)
        ran = run(config)
        assert (ran.code, ran.job["files"]["silent"]) == (code, 0)
        assert set(slots(config)) == {state}
        assert call("status", config, "--offline", "--json").job["refused"]["kind"] in ran.kinds
        running.faults.replace("")
        assert run(config).code == 0
        assert not slots(config)


def test_a_refused_job_differs_from_one_that_was_never_requested(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=4, silent=0.0) as running:
        config = write_config(tmp_path, running, settings={"retries": 0})
        before = call("status", config, "--offline", "--json").job
        assert (before["at_provider"], before["refused"]) == (None, None)
        running.faults.replace("api/unauthorized:all")
        live = call("status", config, "--json")
        assert (live.code, live.job["refused"]["kind"]) == (4, "denied")
        assert run(config).code == 4
        after = call("status", config, "--offline", "--json").job
        assert after["at_provider"] is None
        assert after["refused"]["kind"] == "denied"
        assert after["refused"]["at"].endswith("Z")
        assert "not asked" not in call("status", config, "--offline").out
        assert "denied" in call("watch", config, "--once").out
        running.faults.replace("")
        assert call("status", config, "--json").job["refused"] is None
        assert run(config).code == 0
        assert call("status", config, "--offline", "--json").job["refused"] is None


def test_a_provider_that_can_no_longer_be_reached_is_reported_with_its_last_answer(
    tmp_path: Path,
) -> None:
    with GnipHptEmulator(slots=4, silent=0.0) as running:
        config = write_config(tmp_path, running, settings={"retries": 0})
        assert run(config).code == 0
    assert run(config).code == 6
    entry = json.loads(call("status", config, "--offline", "--json").out)["jobs"][0]
    assert entry["at_provider"]["state"] == "ready"
    assert entry["refused"]["kind"] == "unreachable"
