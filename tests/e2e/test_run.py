"""`backhaul run`: the main command."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from tests.messages import missing_facts

from backhaul.errors import FailureKind

Run = Callable[..., Any]
RUN_KEYS = {"job", "source", "provider", "state", "files", "bytes_fetched", "records", "failures"}
FILE_KEYS = {
    "listed", "verified", "fetched", "skipped", "failed", "silent", "missing", "corrupt",
}  # fmt: skip


def test_a_job_of_one_day_arrives_complete(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=24)

    ended = backhaul("run", hpt.path, "--json")

    assert ended.code == 0
    [job] = ended.json["jobs"]
    assert ended.json["exit_code"] == 0
    assert job.keys() >= RUN_KEYS
    assert job["files"].keys() >= FILE_KEYS
    assert job["state"] == "complete"
    assert job["files"]["verified"] == job["files"]["fetched"] == job["files"]["listed"]
    assert job["files"]["verified"] + job["files"]["silent"] == 24
    on_disk = [path for path in (hpt.archive / "worldcup").rglob("*.gz") if path.is_file()]
    assert len(on_disk) == job["files"]["verified"]


def test_a_second_run_makes_no_request_for_files(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=12)
    backhaul("run", hpt.path)
    before = hpt.file_requests()

    ended = backhaul("run", hpt.path, "--json")

    assert before > 0
    assert hpt.file_requests() == before
    [job] = ended.json["jobs"]
    assert (ended.code, job["files"]["fetched"]) == (0, 0)
    assert job["files"]["skipped"] == job["files"]["verified"] > 0


def test_a_run_with_nothing_to_fetch_does_not_load_the_transfer_modules(
    backhaul: Run, bench: Run
) -> None:
    hpt = bench(slots=12)
    backhaul("run", hpt.path)
    code = (
        "import sys; from backhaul.cli.app import invoke; code = invoke(['run', sys.argv[1]]);"
        " needless = {'pycurl', 'multiprocessing', 'distributed', 'backhaul.transfer.engine'};"
        " print(code, sorted(needless & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(hpt.path)], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "0 []"


@pytest.mark.parametrize("agent", [None, "acme-archive/1.0 (ops@acme.example)"])
def test_requests_send_the_configured_user_agent(
    backhaul: Run, bench: Run, agent: str | None
) -> None:
    hpt = bench(slots=3)
    if agent:
        hpt.write(settings__user_agent=agent)

    assert backhaul("run", hpt.path).code == 0

    for port in ("api", "storage"):
        agents = {each.headers["user-agent"] for each in hpt.one.requests.at(port)}
        assert agents == {agent or f"backhaul/{version('backhaul')}"}, port


def test_the_summary_says_what_was_fetched_and_where_it_is(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=24, silent=0.5)

    ended = backhaul("run", hpt.path)

    assert "worldcup: complete" in ended.out
    assert re.search(r"\b10 .*silent", ended.out)
    assert f"backhaul gaps {hpt.path}" in ended.out
    assert str(hpt.archive / "worldcup") in ended.out
    assert ended.err == ""


def test_a_missing_day_is_a_gap_and_no_failure(backhaul: Run, bench: Run) -> None:
    stocktwits = bench("stocktwits-backup", records=3)
    stocktwits.write(
        **{
            "jobs__stocktwits-december__from": "2016-12-24",
            "jobs__stocktwits-december__to": "2016-12-27",
        }
    )

    ended = backhaul("run", stocktwits.path, "--json")

    [job] = ended.json["jobs"]
    assert (ended.code, job["state"]) == (0, "complete")
    assert job["files"]["missing"] == 2
    assert job["files"]["verified"] == 4


def test_only_the_named_job_runs(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)
    hpt.write(jobs__twin={"source": "account", "id": hpt.one.ids["twin"]})

    ended = backhaul("run", hpt.path, "--job", "twin", "--json")

    assert [job["job"] for job in ended.json["jobs"]] == ["twin"]


def test_an_unknown_job_is_named_with_the_known_ones(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)

    ended = backhaul("run", hpt.path, "--job", "wordcup")

    assert ended.code == 2
    assert not missing_facts(ended.err, "backhaul: ", "--job", "wordcup", "worldcup")


def test_several_files_are_one_batch(backhaul: Run, bench: Run) -> None:
    hpt, meta = bench(slots=6), bench("massrelevance-meta")
    meta.write(jobs__kindle__to="2012-09-27")

    ended = backhaul("run", hpt.path, meta.path, "--json")

    assert [job["state"] for job in ended.json["jobs"]] == ["complete", "complete"]


def test_a_dry_run_plans_and_fetches_nothing(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=12)

    ended = backhaul("run", hpt.path, "--dry-run", "--json")

    assert ended.code == 0
    assert ended.json["jobs"][0]["files"] > 0
    assert hpt.file_requests() == 0
    assert not hpt.archive.exists()


def test_only_failed_skips_what_was_never_tried(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=12, silent=0.0, faults="not_found:all@*_00_10_*")
    backhaul("run", hpt.path)
    [failed] = backhaul("files", hpt.path, "--state", "missing", "--json").json["jobs"][0]["files"]
    (hpt.archive / "worldcup" / _first_other(hpt.archive / "worldcup", failed["file"])).unlink()
    hpt.one.faults.replace("")
    before = hpt.file_requests()

    ended = backhaul("run", hpt.path, "--only-failed", "--json")

    assert hpt.file_requests() == before + 1
    assert ended.json["jobs"][0]["files"]["fetched"] == 1


def test_refresh_requests_everything_again_and_fetches_what_has_changed(
    backhaul: Run, bench: Run
) -> None:
    hpt = bench(slots=6, silent=0.0)
    backhaul("run", hpt.path)
    before = hpt.file_requests()

    planned = backhaul("run", hpt.path, "--refresh", "--dry-run", "--json")
    ended = backhaul("run", hpt.path, "--refresh", "--json")

    assert planned.json["jobs"][0]["files"] == 6
    assert hpt.file_requests() == before + 6
    files = ended.json["jobs"][0]["files"]
    assert (ended.code, files["fetched"], files["replaced"], files["skipped"]) == (0, 0, 0, 6)
    assert backhaul("run", hpt.path, "--refresh", "--only-failed").code == 2


def _first_other(folder: Path, failed: str) -> str:
    return next(path.name for path in sorted(folder.glob("*.gz")) if path.name != failed)


def test_option_values_are_checked_like_those_in_the_file(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6)

    ended = backhaul("run", hpt.path, "--limit-rate", "5Q", "--wait", "soon", "--connections", "0")

    assert ended.code == 2
    for flag in ("--limit-rate", "--wait", "--connections"):
        assert re.search(rf"^{flag} ", ended.err, re.MULTILINE)


def test_the_summary_shows_failures_with_kind_and_advice(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=30, silent=0.0, faults="not_found:all")

    ended = backhaul("run", hpt.path)

    assert ended.code == 3
    assert "30 files" in ended.out
    assert ended.out.count(": not_found: ") == 20
    assert f"backhaul files {hpt.path} --state missing" in ended.out
    assert FailureKind.NOT_FOUND.advice in ended.out


def test_the_log_is_json_lines_when_asked(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=6, silent=0.0, faults="not_found:all@*_00_10_*")

    ended = backhaul("run", hpt.path, "-v", "--log-format", "json")

    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert {"time", "level", "logger", "message"} <= lines[0].keys()


def test_a_log_file_has_what_happened_and_no_password(
    backhaul: Run, bench: Run, tmp_path: Path
) -> None:
    hpt = bench(slots=6)
    log = tmp_path / "run.log"
    hpt.write(sources__account__password="wrong but secret")

    ended = backhaul("run", hpt.path, "--log-file", log)

    assert "401" in log.read_text()
    assert "wrong but secret" not in log.read_text() + ended.out + ended.err


@pytest.mark.parametrize("provider", ["datasift-historics", "massrelevance-meta"])
def test_other_providers_jobs_arrive_too(backhaul: Run, bench: Run, provider: str) -> None:
    there = bench(provider)
    there.write(settings__wait="30s")
    if provider == "massrelevance-meta":
        there.write(jobs__kindle__to="2012-09-27")

    ended = backhaul("run", there.path, "--json")

    assert ended.code == 0
    assert {job["state"] for job in ended.json["jobs"]} == {"complete"}
