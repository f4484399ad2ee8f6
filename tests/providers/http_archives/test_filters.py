"""``run`` and ``plan`` with filters: what is not selected is neither fetched nor judged."""

import pytest
from tests.providers.http_archives.conftest import Home, Made
from tests.providers.http_archives.test_index_run import archive_of

import backhaul as library
from backhaul.selection import Selection

SECOND = ("--since", "2026-01-02")
FIRST = ("--until", "2026-01-02")
GONE = "2026-01-01-3.json.gz"


def fetched_on(archive: Home, day: str) -> set[str]:
    return {name for name in archive.here if name.startswith(day)}


def listed(archive: Home) -> dict[str, str]:
    (job,) = archive.command("files")[1]["jobs"]
    return {each["file"]: each["state"] for each in job["files"]}


def manifest(archive: Home) -> str:
    return (archive.path.parent / "archive" / "job" / "MANIFEST.jsonl").read_text()


def test_a_run_requests_the_selected_files_and_a_later_one_the_rest(home: Made) -> None:
    archive = home(missing=["2026-01-01-3.json", "2026-01-02-4.json"])
    code, job = archive.run(*SECOND)

    assert (code, job["state"]) == (0, "complete")
    assert (job["files"]["listed"], job["files"]["verified"], job["files"]["missing"]) == (
        24,
        23,
        1,
    )
    assert job["files"]["silent"] == job["files"]["unknown"] == job["files"]["pending"] == 0
    assert all("/2026-01-02-" in path for path in archive.asked())
    assert fetched_on(archive, "2026-01-01") == set()
    assert [state for start, state in archive.gaps() if start < "2026-01-02"] == ["pending"] * 24

    code, job = archive.run()
    assert (code, job["state"]) == (0, "complete")
    assert (job["files"]["fetched"], job["files"]["verified"]) == (23, 46)
    assert len(fetched_on(archive, "2026-01-01")) == 23


@pytest.mark.parametrize(
    ("filters", "number"),
    [
        (SECOND, 24),
        (("--include", "*-7.json.gz", "--include", "*-8.json.gz"), 4),
        (("--exclude", "*-7.json.gz"), 46),
        ((*FIRST, "--since", "2026-01-01T12:30:00Z", "--exclude", "*-2?.*"), 7),
    ],
)
def test_a_plan_counts_what_a_run_fetches(
    home: Made, filters: tuple[str, ...], number: int
) -> None:
    archive = home(missing=[])
    plan, dry = archive.command("plan", *filters), archive.command("run", "--dry-run", *filters)
    assert archive.asked() == []
    code, job = archive.run(*filters)

    assert code == plan[0] == dry[0] == 0
    assert [found[1]["jobs"][0]["files"] for found in (plan, dry)] == [number, number]
    assert job["files"]["fetched"] == len(archive.here) == number
    assert archive.command("plan", *filters)[1]["jobs"][0]["files"] == 0
    assert archive.command("plan")[1]["jobs"][0]["files"] == 48 - number


def test_the_manifest_still_covers_what_an_earlier_run_fetched(home: Made) -> None:
    archive = home()
    archive.run()
    before, gaps = listed(archive), archive.gaps()
    for name in (GONE, "2026-01-02-5.json.gz"):
        (archive.path.parent / "archive" / "job" / name).unlink(missing_ok=True)
    code, job = archive.run(*SECOND)

    assert (code, job["files"]["fetched"]) == (0, 1)
    assert archive.run("--refresh", *FIRST)[0] == 0
    assert listed(archive).keys() == before.keys()
    assert all(f'"{name}"' in manifest(archive) for name in before)
    assert archive.gaps() == gaps


def test_failures_outside_the_selection_do_not_fail_the_run(home: Made) -> None:
    archive = home(missing=[])
    archive.one.faults.replace("500:all@*/2026-01-01-[37].json.gz")
    assert archive.run()[0] == 6

    code, job = archive.run(*SECOND)
    assert (code, job["state"], job["failures"]) == (0, "complete", [])
    code, job = archive.run(*FIRST)
    assert (code, job["state"]) == (6, "partial")
    assert len(job["failures"]) == 2
    _, job = archive.run("--include", GONE, "--include", "2026-01-02*")
    assert (job["state"], [note["file"] for note in job["failures"]]) == ("partial", [GONE])
    assert archive.run("--exclude", "*-[37].json.gz")[0] == 0


def test_lost_files_outside_the_selection_remain_lost(home: Made) -> None:
    archive = archive_of(home, "lines")
    assert archive.run()[0] == 0
    before, gaps = listed(archive), archive.gaps()
    first = min(before)
    archive.one.hours.clear()  # type: ignore[attr-defined]  # of this emulator
    (archive.path.parent / "archive" / "job" / first).unlink()

    code, job = archive.run("--exclude", "*")
    assert (code, job["files"]["listed"], job["files"]["lost"]) == (0, 0, 0)
    assert job["warnings"] == ["no file of the provider's list matches the filters"]
    assert listed(archive) == before | {first: "missing"}
    code, job = archive.run("--include", first)
    assert (code, job["files"]["listed"], job["files"]["lost"]) == (3, 1, 1)
    assert listed(archive) == before | {first: "lost"}
    assert len(archive.gaps()) == len(gaps) + 1


def test_only_a_run_without_filters_proves_silent_slots(home: Made) -> None:
    archive = archive_of(home, "nginx")
    archive.run("--include", "*")
    empty = {start for start, state in archive.gaps() if state == "pending"}
    assert archive.run()[1]["files"]["silent"] == len(empty) > 0
    whole = archive.gaps()
    assert {start for start, state in whole if state == "silent"} == empty

    last = max(empty)
    _, job = archive.run("--since", last)
    assert job["files"]["silent"] == 1
    assert archive.gaps() == whole


def test_slots_that_are_new_in_a_run_with_filters_are_unknown(home: Made) -> None:
    archive = archive_of(home, "nginx")
    archive.run()
    last = max(start for start, _ in archive.gaps())
    archive.change(to="2026-02-08")
    archive.run("--until", "2026-01-02")

    assert {state for start, state in archive.gaps() if start > last} == {"unknown"}
    archive.run()
    assert {state for start, state in archive.gaps() if start > last} == {"silent"}


def test_a_selection_can_be_planned_and_run_from_python(home: Made) -> None:
    archive = home(missing=[])
    chosen = Selection.of(since="2026-01-02", exclude=("*-0.json.gz",))
    loaded = library.load(archive.path)

    assert loaded.plan(selection=chosen).jobs[0].files == 23
    result = loaded.run(selection=chosen)
    assert (result.exit_code, result.jobs[0].files.fetched) == (0, 23)
    assert len(archive.here) == 23


def test_an_invalid_time_is_refused_before_any_request(
    home: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    from backhaul.cli.main import main  # noqa: PLC0415

    archive = home()
    for name in ("run", "plan"):
        assert main([name, str(archive.path), "--since", "yesterdayish"]) == 2
        assert "--since yesterdayish: " in capsys.readouterr().err
    assert archive.asked() == []
