"""``run && rollup`` from cron: only real gaps are refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.providers.http_archives.conftest import Home, Made

HOUR = timedelta(hours=1)


def rolled(archive: Home, *words: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """The exit code, each output's state, and the manifest's entries by file."""
    code, result = archive.command("rollup", "--to", "day", *words)
    (job,) = result["jobs"]
    path = archive.path.parent / "archive/job.rollup/day/jsonl.gz/_MANIFEST.jsonl"
    text = path.read_text() if path.exists() else ""
    entries = {entry["file"]: entry for entry in map(json.loads, text.splitlines())}
    return (
        code,
        {each["file"].rpartition("_")[2][:10]: each["state"] for each in job["outputs"]},
        entries,
    )


def test_a_slot_that_the_provider_never_had_is_accepted_and_named(home: Made) -> None:
    archive = home(missing=["2026-01-01-3.json", "2026-01-02-0.json"])
    archive.change(**{"from": "2026-01-01", "to": "2026-01-03"})
    assert archive.run()[0] == 0

    code, states, entries = rolled(archive)

    assert (code, states) == (0, {"2026-01-01": "written", "2026-01-02": "written"})
    first, second = entries.values()
    assert [gap["start"] for gap in first["gaps"]] == ["2026-01-01T03:00:00Z"]
    assert second["gaps"] == [
        {
            "start": "2026-01-02T00:00:00Z",
            "end": "2026-01-02T01:00:00Z",
            "state": "missing",
            "file": "2026-01-02-0.json.gz",
        }
    ]
    assert first["files"] == second["files"] == 23


def test_once_a_missing_file_arrives_its_day_is_rewritten(home: Made) -> None:
    archive = home(missing=["2026-01-01-3.json"])
    archive.change(**{"from": "2026-01-01", "to": "2026-01-02"})
    archive.run()
    rolled(archive)
    archive.one.missing.clear()  # type: ignore[attr-defined]  # of this emulator
    archive.run("--refresh")

    code, states, entries = rolled(archive)

    assert (code, states) == (0, {"2026-01-01": "written"})
    (entry,) = entries.values()
    assert (entry["files"], entry["gaps"]) == (24, [])


def test_a_period_with_a_file_that_has_disappeared_is_still_refused(home: Made) -> None:
    archive = home(missing=["2026-01-01-3.json"])
    archive.change(**{"from": "2026-01-01", "to": "2026-01-03"})
    archive.run()
    (archive.path.parent / "archive/job/2026-01-01-5.json.gz").unlink()

    code, states, _ = rolled(archive)

    assert (code, states) == (3, {"2026-01-01": "refused", "2026-01-02": "written"})


def test_a_day_that_is_not_over_is_left_for_later(home: Made) -> None:
    archive = home()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday, today = midnight - 24 * HOUR, f"{midnight:%Y-%m-%d}"
    archive.change(
        source={"lag": "2h"},
        **{"from": f"{yesterday:%Y-%m-%d}", "to": f"{midnight + 24 * HOUR:%Y-%m-%d}"},
    )
    assert archive.run()[0] == 0

    code, states, _ = rolled(archive)
    allowed, now, _ = rolled(archive, "--allow-gaps")

    # Until 02:00, yesterday's last hours are not due either.
    assert code == allowed == 0
    assert states[today] == "not_due"
    assert states[f"{yesterday:%Y-%m-%d}"] in {"written", "not_due"}
    assert now[today] in {"written", "empty"}


def test_a_selected_period_is_rolled_up_completely(home: Made) -> None:
    archive = home(missing=[])
    archive.run()

    code, states, entries = rolled(archive, "--since", "2026-01-01T12:00:00Z")
    assert (code, states) == (0, {"2026-01-02": "written"})
    assert [entry["files"] for entry in entries.values()] == [24]
    assert rolled(archive, "--until", "2026-01-02")[1] == {"2026-01-01": "written"}
    assert set(rolled(archive)[1].values()) == {"up_to_date"}


def test_files_that_are_not_selected_are_neither_rolled_up_nor_gaps(home: Made) -> None:
    archive = home(missing=[])
    archive.run()
    (archive.path.parent / "archive/job/2026-01-01-3.json.gz").unlink()
    skip = ("--exclude", "2026-01-01-3.*", "--exclude", "2026-01-02-?.*")

    assert rolled(archive)[1]["2026-01-01"] == "refused"
    code, states, entries = rolled(archive, *skip)
    assert (code, states["2026-01-01"]) == (0, "written")
    assert [entry["files"] for entry in entries.values()] == [23, 14]
    archive.run()
    assert rolled(archive)[1] == {"2026-01-01": "written", "2026-01-02": "written"}


def test_after_filtered_runs_alone_the_error_says_what_to_run(home: Made) -> None:
    archive = home(missing=())
    archive.change(**{"from": "2026-01-01", "to": "2026-01-03"})
    assert archive.run("--until", "2026-01-02")[0] == 0

    code, result = archive.command("rollup", "--to", "day")
    (job,) = result["jobs"]
    allowed, states, _ = rolled(archive, "--allow-gaps", "--until", "2026-01-02")
    archive.run()
    later, then, _ = rolled(archive, "--until", "2026-01-02")

    assert (code, job["outputs"]) == (3, [])
    assert "run the job once without --since" in job["message"]
    assert (allowed, states) == (0, {"2026-01-01": "written"})
    assert (later, then) == (0, {"2026-01-01": "up_to_date"})
