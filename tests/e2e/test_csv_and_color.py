"""``--csv`` has the keys of ``--json`` as columns; ``--color`` overrides the terminal."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests import warm
from tests.terminal import raw_on_terminal

Run = Callable[..., Any]


def rows(text: str) -> tuple[list[str], list[dict[str, str]]]:
    read = csv.DictReader(io.StringIO(text, newline=""))
    return list(read.fieldnames or ()), list(read)


def keys(value: dict[str, Any], before: str = "") -> set[str]:
    found = set()
    for key, each in value.items():
        name = f"{before}{key}"
        found |= keys(each, f"{name}.") if isinstance(each, dict) else {name}
    return found


@pytest.mark.parametrize(
    ("command", "inner", "absent"),
    [("files", "files", {"folder"}), ("gaps", "slots", set()), ("status", None, {"refused"})],
)
def test_columns_are_the_keys_of_json(
    backhaul: Run, fetched_day: Any, command: str, inner: str | None, absent: set[str]
) -> None:
    words = (command, "--offline") if command == "status" else (command,)
    path = fetched_day.path

    found = backhaul(*words, path, "--json")
    columns, lines = rows(backhaul(*words, path, "--csv").out)

    entries = found.json["jobs"]
    items = [item for entry in entries for item in (entry[inner] if inner else [entry])]
    assert items
    assert len(lines) == len(items)
    assert keys(items[0]) - absent | {"job"} <= set(columns)
    for line, item in zip(lines, items, strict=True):
        for key, value in item.items():
            if isinstance(value, str) and key in columns:
                assert line[key] == value


def test_plan_jobs_and_plugins_have_csv_too(backhaul: Run, bench: Run) -> None:
    here = bench()

    plan = backhaul("plan", here.path, "--csv")
    jobs = backhaul("jobs", here.path, "--csv")
    plugins = backhaul("plugins", "list", "--csv")
    doctor = backhaul("doctor", here.path, "--csv")

    assert (plan.code, jobs.code, plugins.code, doctor.code) == (0, 0, 0, 0)
    planned = backhaul("plan", here.path, "--json").json["jobs"][0]
    assert keys(planned) - {"error"} <= set(rows(plan.out)[0])
    assert rows(jobs.out)[1][0]["source"] == "account"
    assert {line["name"] for line in rows(plugins.out)[1]} >= {"gnip-hpt", "http-series"}
    assert {line["check"] for line in rows(doctor.out)[1]} >= {"login", "space"}


def test_verify_lists_problems_and_keeps_its_exit_code(backhaul: Run, fetched_day: Any) -> None:
    name = next(iter(fetched_day.document["jobs"]))
    file = next((fetched_day.archive / name).rglob("*.gz"))
    file.write_bytes(b"damaged")

    ended = backhaul("verify", fetched_day.path, "--csv")

    columns, lines = rows(ended.out)
    assert ended.code == 8
    assert columns == ["job", "file", "kind", "message"]
    assert [(line["job"], line["kind"]) for line in lines] == [(name, "not_data")]


def test_csv_and_json_exclude_each_other(backhaul: Run, fetched_day: Any) -> None:
    ended = backhaul("files", fetched_day.path, "--csv", "--json")

    problem = "--json and --csv cannot be combined"
    assert ended.code == 2
    assert json.loads(ended.out) == {"exit_code": 2, "problems": [problem]}
    assert problem in ended.err


@pytest.mark.parametrize(
    ("flag", "no_color", "coloured"),
    [
        ("auto", "", True),
        ("auto", "1", False),
        ("always", "1", True),
        ("never", "", False),
    ],
)
def test_color_on_a_terminal(
    fetched_day: Any, monkeypatch: pytest.MonkeyPatch, flag: str, no_color: str, *, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    words = [sys.executable, "-m", "backhaul", "gaps"]

    code, text = raw_on_terminal([*words, fetched_day.path, "--color", flag])

    assert code == 0
    assert ("\x1b[" in text) is coloured


@pytest.mark.parametrize(("flag", "coloured"), [("auto", False), ("always", True)])
def test_color_in_a_pipe(fetched_day: Any, flag: str, *, coloured: bool) -> None:
    words = [sys.executable, "-m", "backhaul", "gaps", fetched_day.path, "--color", flag]

    done = warm.run(words, env=os.environ, capture_output=True, text=True, check=True)

    assert ("\x1b[1m" in done.stdout) is coloured
