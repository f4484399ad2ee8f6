"""Mistakes in a template, a unit or a pattern: file:line:column, and what to write."""

from pathlib import Path

import pytest

from backhaul import ConfigError
from backhaul.config import load_many
from backhaul.plugins.discovery import Plugins

SOURCE = {"provider": "http-series", "url": '"https://h/{start:%F}.gz"', "every": "1d"}
JOB = {"source": "s", "from": "2026-01-01", "to": "2026-01-05"}


def mistakes(path: Path, source: dict[str, str], job: dict[str, str]) -> list[str]:
    """The problems of a configuration: line and column first."""
    lines = ["version: 1", "sources:", "  s:"]
    lines += [f"    {key}: {value}" for key, value in (SOURCE | source).items() if value]
    lines += [
        "jobs:",
        "  j:",
        *(f"    {key}: {value}" for key, value in (JOB | job).items() if value),
    ]
    path.write_text("\n".join(lines) + "\n")
    plugins = Plugins()
    try:
        load_many([path], providers=lambda name: plugins.load(name).info, env={})
    except ConfigError as error:
        return [problem.removeprefix(f"{path}:") for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("source", "job", "place", "word"),
    [
        ({"url": '"https://h/{strat:%F}"'}, {}, "5:10", "{start:%F}"),
        ({"url": '"https://h/{start:%Q}"'}, {}, "5:10", "%Y"),
        ({"url": '"https://h/a"'}, {}, "5:10", "{start:%Y-%m-%d}"),
        ({"every": "1M"}, {}, "6:12", "1mo"),
        ({"name": '"{url}"'}, {}, "7:11", "{basename}"),
        ({"content": "jsonlgz"}, {}, "7:14", "jsonl.gz"),
        ({"lag": "2x"}, {}, "7:10", "12h"),
        ({"retention": "1mo"}, {}, "7:16", "12h"),
        ({"missing": "[200]"}, {}, "7:15", "400"),
        ({"missing": "[429]"}, {}, "7:14", "429"),
        ({"missing_run": "-1"}, {}, "7:18", "at least 0"),
        ({"pace": "2"}, {}, "7:11", "2/s"),
        ({"contact": '"a(b)"'}, {}, "7:14", "parentheses"),
        ({"auth": "{basic: [me]}"}, {}, "7:19", "[me,"),
        ({"auth": "{}"}, {}, "7:11", "bearer: TOKEN"),
        ({"auth": '{bearer: "${UNSET}"}'}, {}, "7:20", "UNSET is not set"),
        ({"auth": '{header: {x: "${UNSET}"}}'}, {}, "7:24", "UNSET is not set"),
        ({"auth": "{bearer: a, header: {x: b}}"}, {}, "7:11", "bearer and header"),
        ({"auth": '{header: {"a b": c}}'}, {}, "7:20", "x-apikey"),
        ({"auth": '{bearer: ""}'}, {}, "7:11", "empty bearer"),
        ({"auth": "{bearer: }"}, {}, "7:11", "empty bearer"),
        ({"auth": '{bearer: "${UNSET:-}"}'}, {}, "7:11", "empty bearer"),
        ({"auth": '{bearer: "a\\nb"}'}, {}, "7:20", "line breaks"),
        ({"auth": '{basic: ["", ""]}'}, {}, "7:19", "empty user"),
        ({"auth": '{header: {x: ""}}'}, {}, "7:20", "empty value of x"),
        ({"contnet": "gz"}, {}, "7:5", "content"),
        ({}, {"from": "yesterday"}, "10:11", "-7d"),
        ({}, {"to": "-30d", "from": "-7d"}, "11:9", "after from"),
        ({}, {"values": "{symbol: [A]}"}, "12:13", "{symbol}"),
        ({}, {"adopt": '"{basenam}"'}, "12:12", "{basename}"),
        ({}, {"adopt": '"../{name}"'}, "12:12", "job's folder"),
        ({}, {"adopt": "all.gz"}, "12:12", "a field"),
        ({"url": '"https://h/{symbol}/{start:%F}"'}, {}, "8:3", "values: {symbol: [...]}"),
        ({"url": '"https://h/{symbol}/{start:%F}"'}, {"values": "{symbl: [A]}"}, "12:13", "{symbl}"),
        ({"url": '"https://h/{symbol}/{start:%F}"'}, {"values": "{symbol: [A, A]}"}, "12:13", "once"),
        ({"url": '"https://h/{symbol}/{start:%F}"'}, {"values": "{symbol: [..]}"}, "12:13", "'..' under symbol"),
        ({"url": '"https://h/{symbol}/{start:%F}"'}, {"values": "{symbol: [A, B]}"}, "8:3", "name:"),
        ({"url": '"https://h/{start:%F}/data.gz"'}, {}, "8:3", "name:"),
        ({"url": '"https://h/{start:%F}/"'}, {}, "8:3", "name"),
        ({"url": '"https://h/{start:%d}.gz"'}, {"to": "2026-03-01"}, "8:3", "'01.gz'"),
    ],
)  # fmt: skip
def test_an_error_is_reported_with_its_position(
    tmp_path: Path, source: dict[str, str], job: dict[str, str], place: str, word: str
) -> None:
    (message,) = mistakes(tmp_path / "a.yaml", source, job)
    assert message.startswith(f"{place}: ")
    assert word in message


def test_valid_values_are_accepted(tmp_path: Path) -> None:
    every_key = {
        "url": '"https://h/{symbol}/{start:%Y}/{start:%d}.gz"', "name": '"{symbol}/{start:%F}-{basename}"',
        "content": "gz", "lag": "2h", "retention": "60d", "missing": "[404, 403]", "missing_run": "0",
        "pace": "30/m", "contact": "ops@example.org", "recheck": "7d", "auth": '{header: {x-apikey: "k"}}',
    }  # fmt: skip
    job = {"from": "-7d", "to": "today", "values": "{symbol: [A, B]}"}
    assert mistakes(tmp_path / "a.yaml", every_key, job) == []


@pytest.mark.parametrize(
    "job",
    [
        {"to": ""},
        {"from": "2026-01-01T06:30:00Z"},
        {"from": "-1d12h", "to": "+1d"},
        {"from": "today", "to": "+1d"},
    ],
)
def test_times_of_all_kinds_are_accepted(tmp_path: Path, job: dict[str, str]) -> None:
    assert mistakes(tmp_path / "a.yaml", {}, job) == []


INDEX = {"provider": "http-index", "url": '"https://h/"', "every": ""}
DATED = {"start": "'(?P<start>\\d{8})'", "start_format": '"%Y%m%d"', "slot": "1d"}


@pytest.mark.parametrize(
    ("source", "job", "place", "word"),
    [
        ({"url": '"https://h/{start:%Y}/"'}, {}, "3:3", "every: 1mo"),
        ({"every": "1mo"}, {}, "6:12", "{start:%Y-%m}"),
        ({"reader": "xml"}, {}, "6:13", "autoindex"),
        ({"reader": "json"}, {}, "3:3", "key json"),
        ({"json": "{files: 'a[*]', url: u}"}, {}, "3:3", "reader: json"),
        ({"reader": "json", "json": "{files: 'a[', url: u}"}, {}, "7:19", "JMESPath"),
        ({"reader": "json", "json": "{files: 'a[*]'}"}, {}, "7:11", "url or name"),
        ({"reader": "lines", "lines": "{pattern: '(?P<url>'}"}, {}, "7:22", "regular expression"),
        ({"reader": "lines", "lines": "{pattern: '(?P<link>x)'}"}, {}, "7:22", "url, name"),
        ({**DATED, "start": "'x'"}, {}, "6:12", "(?P<start>"),
        ({**DATED, "start_format": "day"}, {}, "7:19", "%Y%m%d"),
        ({**DATED, "slot": ""}, {}, "3:3", "slot"),
        ({"checksum": "{}"}, {}, "6:15", "folder: md5sums.txt"),
        ({"checksum": "{beside: x.md5}"}, {}, "6:24", "{url}.md5"),
        ({"checksum": '{beside: "{name}.md5"}'}, {}, "6:24", "{url}"),
        ({"rewrite": '{"s3://b/": "s3://c/"}'}, {}, "6:14", "https://"),
        ({}, {"from": "2026-01-01"}, "9:11", "start_format"),
    ],
)
def test_an_error_in_an_index_is_reported_with_its_position(
    tmp_path: Path, source: dict[str, str], job: dict[str, str], place: str, word: str
) -> None:
    none = {"from": "", "to": ""}
    (message,) = mistakes(tmp_path / "a.yaml", INDEX | source, none | job)
    assert message.startswith(f"{place}: ")
    assert word in message
