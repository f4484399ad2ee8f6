"""``--since``, ``--until``, ``--include`` and ``--exclude``: what is looked at."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import backhaul as library
from backhaul.selection import Selection

Run = Callable[..., Any]


def test_a_selection_uses_the_start_and_the_whole_name() -> None:
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


def test_files_and_verify_look_at_what_is_selected(backhaul: Run, fetched_day: Any) -> None:
    path = fetched_day.path
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


def test_broken_files_outside_the_selection_are_not_read(backhaul: Run, fetched_day: Any) -> None:
    victim = min((fetched_day.archive / "worldcup").glob("*.gz"))
    victim.write_bytes(b"broken")

    assert backhaul("verify", fetched_day.path, "--exclude", victim.name).code == 0
    assert backhaul("verify", fetched_day.path).code == 8


def test_gaps_are_limited_to_the_selection(backhaul: Run, fetched_day: Any) -> None:
    path = fetched_day.path
    files = sorted((fetched_day.archive / "worldcup").glob("*.gz"))
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
def test_an_invalid_time_is_refused(backhaul: Run, fetched_day: Any, name: str) -> None:
    ended = backhaul(name, fetched_day.path, "--since", "yesterdayish")

    assert ended.code == 2
    assert "--since yesterdayish: " in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("name", ["run", "plan", "files", "gaps", "verify"])
def test_a_period_that_ends_before_it_starts_is_refused(
    backhaul: Run, fetched_day: Any, name: str
) -> None:
    words = ("--since", "2014-05-18", "--until", "2014-05-17", "--json")
    ended = backhaul(name, fetched_day.path, *words)
    assert (ended.code, ended.json["exit_code"]) == (2, 2)
    assert "--until 2014-05-17" in ended.json["problems"][0]
    assert "--since 2014-05-18" in ended.json["problems"][0]


def test_verify_does_not_call_an_archive_empty_if_it_selects_nothing(
    backhaul: Run, fetched_day: Any
) -> None:
    ended = backhaul("verify", fetched_day.path, "--include", "no-such-*")
    assert ended.code == 0
    assert "nothing downloaded yet" not in ended.out
    assert "selected" in ended.out


def test_selection_works_from_python_too(fetched_day: Any) -> None:
    archive = library.load(fetched_day.path, offline=True)
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
