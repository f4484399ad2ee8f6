"""``--since``, ``--until``, ``--include`` and ``--exclude``: what is looked at."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import backhaul as library
from backhaul.selection import Selection

Run = Callable[..., Any]


def test_a_selection_is_by_the_start_and_by_the_whole_name() -> None:
    noon = datetime(2014, 5, 17, 12, tzinfo=UTC)
    later = Selection.of(since="2014-05-17T12:00:00Z", until="2014-05-18")
    named = Selection(include=("*.gz", "b/*"), exclude=("*/skip*",))

    assert later.takes_start(noon)
    assert not later.takes_start(noon.replace(hour=11))
    assert not later.takes_start(noon.replace(day=18, hour=0))
    assert not later.takes_start(None)
    assert [named.takes_name(each) for each in ("a/x.gz", "b/c/d", "a/x", "b/skip.gz", None)] == [
        True, True, False, False, False,
    ]  # fmt: skip
    assert Selection().takes(None, None)
    assert Selection().is_all


def test_files_and_verify_look_at_what_is_selected(backhaul: Run, day_at_home: Any) -> None:
    path = day_at_home.path
    [every] = backhaul("files", path, "--json").json["jobs"]
    wanted = [each for each in every["files"] if each["start"] >= "2014-05-17T12:00:00Z"]
    name = wanted[0]["file"]

    [late] = backhaul("files", path, "--since", "2014-05-17T12:00:00Z", "--json").json["jobs"]
    [one] = backhaul("files", path, "--include", f"*{name[-20:]}", "--json").json["jobs"]
    [rest] = backhaul("files", path, "--exclude", name, "--json").json["jobs"]
    [read] = backhaul("verify", path, "--since", "2014-05-17T12:00:00Z", "--json").json["jobs"]

    assert 0 < len(wanted) < len(every["files"])
    assert late["files"] == wanted
    assert [each["file"] for each in one["files"]] == [
        each["file"] for each in every["files"] if each["file"].endswith(name[-20:])
    ]
    assert len(rest["files"]) == len(every["files"]) - 1
    assert read["checked"] == len(wanted)


def test_what_is_broken_outside_of_the_selection_is_not_read(
    backhaul: Run, day_at_home: Any
) -> None:
    victim = min((day_at_home.archive / "worldcup").glob("*.gz"))
    victim.write_bytes(b"broken")

    assert backhaul("verify", day_at_home.path, "--exclude", victim.name).code == 0
    assert backhaul("verify", day_at_home.path).code == 8


def test_gaps_are_those_of_the_selection(backhaul: Run, day_at_home: Any) -> None:
    path = day_at_home.path
    files = sorted((day_at_home.archive / "worldcup").glob("*.gz"))
    files[3].unlink()
    [every] = backhaul("gaps", path, "--json").json["jobs"]
    half = backhaul("gaps", path, "--until", "2014-05-17T12:00:00Z").out
    [named] = backhaul("gaps", path, "--include", files[3].name, "--json").json["jobs"]
    [others] = backhaul("gaps", path, "--exclude", files[3].name, "--json").json["jobs"]

    for flags, kept in (
        (["--since", "2014-05-17T12:05:00Z"], lambda start: start > "2014-05-17T12:05:00Z"),
        (["--until", "2014-05-17T12:05:00Z"], lambda start: start < "2014-05-17T12:05:00Z"),
    ):
        [found] = backhaul("gaps", path, *flags, "--json").json["jobs"]
        assert found["slots"] == [each for each in every["slots"] if kept(each["start"])]
    assert half.startswith("worldcup: 72 slots: ")
    assert [each["file"] for each in named["slots"]] == [files[3].name]
    assert files[3].name not in {each["file"] for each in others["slots"]}


@pytest.mark.parametrize("name", ["files", "gaps", "verify"])
def test_a_time_that_is_none_is_refused(backhaul: Run, day_at_home: Any, name: str) -> None:
    ended = backhaul(name, day_at_home.path, "--since", "yesterdayish")

    assert ended.code == 2
    assert "--since yesterdayish: " in ended.err
    assert ended.err.count("\n") == 1


def test_a_program_selects_as_well(day_at_home: Any) -> None:
    archive = library.load(day_at_home.path, offline=True)
    late = Selection.of(since="2014-05-17T12:00:00Z")

    assert archive.verify(selection=late).jobs[0].checked == len(
        list(archive.files(selection=late))
    )
    assert all(gap.start and gap.start.hour >= 12 for gap in archive.gaps(selection=late))


def test_the_totals_of_the_whole_job_are_not_those_of_the_selection(
    backhaul: Run, bench: Callable[..., Any]
) -> None:
    path = bench().path
    half = ("--until", "2014-05-17T12:00:00Z", "--json")
    [planned] = backhaul("plan", path, *half).json["jobs"]
    ended = backhaul("run", path, *half)
    [first] = ended.json["jobs"]
    [job] = backhaul("run", path, "--json").json["jobs"]

    assert (ended.code, first["state"], first["failures"]) == (0, "complete", [])
    assert first["files"]["fetched"] == planned["files"] > 0
    assert job["state"] == "complete"
    assert first["files"]["fetched"] < job["files"]["verified"]
