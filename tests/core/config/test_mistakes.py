"""YAML that says what cannot be: each mistake at its place, with what to do, all at once."""

from collections.abc import Callable

import pytest

Problems = Callable[..., list[str]]

JOB_CASES = {
    "a misspelt key names the near one": (
        "id: a\nkindz: [log]",
        '6:5: jobs.wren: unknown key "kindz"; did you mean "kinds"?',
    ),
    "an unknown key without a near one lists the known": (
        "id: a\nqqq: 1",
        (
            '6:5: jobs.wren: unknown key "qqq"; known keys: id, name, from, day, decks, sails, draught, '
            "every, split, kinds, params, parts, either"
        ),
    ),
    "a field's Python name is no key": (
        "id: a\nstart: 2016-12-01",
        '6:5: jobs.wren: unknown key "start"; did you mean "parts"?',
    ),
    "a misspelt key deep below": (
        "id: a\nparts:\n  - weight: 1\n    lable: x",
        '8:9: jobs.wren.parts.0: unknown key "lable"; did you mean "label"?',
    ),
    "a missing key deep below": (
        "id: a\nparts:\n  - label: x",
        '7:9: jobs.wren.parts.0: the key "weight" is missing; add it',
    ),
    "no is read as a truth value": (
        "id: no",
        '5:9: jobs.wren.id is read by YAML as a truth value; quote it: "no"',
    ),
    "digits are read as a number": (
        "id: 201201010000",
        '5:9: jobs.wren.id is read by YAML as a whole number; quote it: "201201010000"',
    ),
    "a day is read as a date": (
        "id: 2016-12-01",
        '5:9: jobs.wren.id is read by YAML as a date; quote it: "2016-12-01"',
    ),
    "a list is no text": ("id: [a]", "5:9: jobs.wren.id should be a text, but is a list"),
    "a text is no number": (
        "id: a\ndecks: three",
        "6:12: jobs.wren.decks should be a whole number, but is a text",
    ),
    "a quoted number is no number": (
        'id: a\ndecks: "3"',
        "6:12: jobs.wren.decks should be a whole number, but is a text",
    ),
    "a fraction is no whole number": (
        "id: a\ndecks: 3.0",
        "6:12: jobs.wren.decks should be a whole number, but is a decimal number",
    ),
    "a number out of bounds": ("id: a\ndecks: 21", "6:12: jobs.wren.decks should be at most 20"),
    "1 is no truth value": (
        "id: a\nsails: 1",
        "6:12: jobs.wren.sails should be true or false, but is a whole number",
    ),
    "a text where a list is wanted": (
        "id: a\nkinds: log",
        "6:12: jobs.wren.kinds should be a list, but is a text",
    ),
    "an empty list": ("id: a\nkinds: []", "6:12: jobs.wren.kinds should have at least 1 entry"),
    "a word that is none of the choices": (
        "id: a\nkinds:\n  - log\n  - charts",
        '8:9: jobs.wren.kinds.1 should be "log" or "chart"',
    ),
    "a value of a mapping": (
        "id: a\nparams: {x: 1, y: two}",
        "6:23: jobs.wren.params.y should be a whole number, but is a text",
    ),
    "neither branch of a union": (
        "id: a\neither: some",
        '6:13: jobs.wren.either should be a whole number, but is a text, or should be "all"',
    ),
    "a length of time": (
        "id: a\nevery: 10 minutes",
        "6:12: jobs.wren.every should be a length of time such as 0s, 30m, 12h or 1d",
    ),
    "a size": (
        "id: a\nsplit: lots",
        "6:12: jobs.wren.split should be a number of bytes such as 500K, 20M or 1G",
    ),
    "a time": (
        "id: a\nfrom: soon",
        (
            "6:11: jobs.wren.from should be a day or a time in UTC such as 2016-12-01 or "
            "2016-12-01T06:30:00Z"
        ),
    ),
    "a rule over several keys": ("decks: 3", "3:3: jobs.wren: give either id or name"),
    "an unknown wait": (
        "id: a\nwait: long",
        "6:11: jobs.wren.wait should be a length of time such as 0s, 30m, 12h or 1d",
    ),
}


@pytest.mark.parametrize(("keys", "expected"), JOB_CASES.values(), ids=JOB_CASES)
def test_in_a_job(job_problems: Problems, keys: str, expected: str) -> None:
    assert job_problems(keys) == [expected]


FILE_CASES = {
    "a misspelt section": (
        "soures: {}\nsources: {h: {provider: harbor, user: u, password: p}}\n",
        ['1:1: unknown key "soures"; did you mean "sources"?'],
    ),
    "no sources": ("jobs: {}\n", ['1:1: the key "sources" is missing; add it']),
    "empty sources": ("version: 1\nsources: {}\n", ["2:1: sources is empty; add one"]),
    "sources without content": (
        "version: 1\nsources:\n",
        ["2:1: sources should be a mapping of keys, but is empty; indent its keys below it"],
    ),
    "a list of sources": (
        "sources:\n  - provider: harbor\n",
        ["2:3: sources should be a mapping of keys, but is a list; indent its keys below it"],
    ),
    "a source that is a text": (
        "sources:\n  h: harbor\n",
        ["2:6: sources.h should be a mapping of keys, but is a text; indent its keys below it"],
    ),
    "another version": (
        "version: 2\nsources: {h: {provider: harbor, user: u, password: p}}\n",
        [
            "1:10: this version of the file's format is not known; write version: 1, or update backhaul"
        ],
    ),
    "a source without a provider": (
        "sources:\n  h:\n    user: u\n",
        ['2:3: sources.h: the key "provider" is missing; add it'],
    ),
    "a source without a password": (
        "sources:\n  h:\n    provider: harbor\n    user: u\n",
        ['2:3: sources.h: the key "password" is missing; add it'],
    ),
    "a password that YAML reads as a number is not shown": (
        "sources:\n  h:\n    provider: harbor\n    user: u\n    password: 12345678\n",
        ["5:15: sources.h.password is read by YAML as a whole number; quote it"],
    ),
    "a job without a source": (
        "sources: {h: {provider: harbor, user: u, password: p}}\njobs:\n  a: {id: x}\n",
        ['3:3: jobs.a: the key "source" is missing; add it'],
    ),
    "a job of an unknown source": (
        "sources: {main: {provider: harbor, user: u, password: p}}\njobs:\n  a: {source: mian}\n",
        ['3:15: jobs.a: there is no source "mian"; did you mean "main"?'],
    ),
    "a misspelt setting": (
        "settings:\n  conections: 3\nsources: {h: {provider: harbor, user: u, password: p}}\n",
        ['2:3: settings: unknown key "conections"; did you mean "connections"?'],
    ),
    "a setting out of bounds": (
        (
            "settings: {wait: 400d, retries: -1}\n"
            "sources: {h: {provider: harbor, user: u, password: p}}\n"
        ),
        [
            "1:18: settings.wait should be at most 366d",
            "1:33: settings.retries should be at least 0",
        ],
    ),
    "a destination that is no folder": (
        "settings: {dest: 's3://bucket/x'}\nsources: {h: {provider: harbor, user: u, password: p}}\n",
        ["1:18: settings.dest should be a folder on this machine; object stores are not supported"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), FILE_CASES.values(), ids=FILE_CASES)
def test_in_the_file(problems: Problems, text: str, expected: list[str]) -> None:
    assert problems(text) == expected


NAMES = {
    "a/b": "has a slash",
    "a\\b": "has a slash",
    "..": 'begins with "."',
    ".hidden": 'begins with "."',
    "-rf": 'begins with "-"',
    "con": "is a reserved device name on Windows",
    "LPT1.txt": "is a reserved device name on Windows",
    "a" * 101: "is longer than 100 characters",
    "é" * 100 + "é": "is longer than 100 characters",
    "漢" * 99: "has a part of 297 bytes, 230 is the limit",
    "a:b": "has a character that some systems forbid: :",
    "end.": "begins with a space or ends with a dot or a space",
    " a": "begins with a space or ends with a dot or a space",
    "a\x85b": "has a control character",
    "": "is empty",
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_a_job_is_named_like_a_folder(problems: Problems, name: str, expected: str) -> None:
    quoted = '"' + name.replace("\\", "\\\\").replace("\x85", "\\N") + '"'
    sources = "sources: {h: {provider: harbor, user: u, password: p}}"
    (line,) = problems(f"{sources}\njobs:\n  ? {quoted}\n  : {{source: h, id: x}}\n")
    assert line.startswith("3:5: the job's name \"")
    assert line.endswith(f" {expected}; rename it; it becomes a folder")


def test_names_that_differ_in_case_alone_would_share_a_folder(problems: Problems) -> None:
    text = (
        "sources: {h: {provider: harbor, user: u, password: p}}\n"
        "jobs:\n  Wren: {source: h, id: x}\n  wren: {source: h, id: y}\n"
    )
    assert problems(text) == [
        (
            '4:3: the job "wren" would share its folder with "Wren"; '
            "rename one of them; the other is at c.yaml:3:3"
        )
    ]


def test_all_mistakes_are_said_at_once_from_top_to_bottom(problems: Problems) -> None:
    text = """\
version: 3
settings: {connections: many, conections: 3}
sources:
  a: {provider: harbor, user: no, password: "${NONE}"}
  b: {provider: harbor, usr: u, password: p}
jobs:
  one: {source: a, id: x, decks: 0, decks: 1}
  two: {source: c}
  ..: {source: b, id: x, from: never}
"""
    assert [line.split(" ")[0] for line in problems(text)] == [
        "1:10:",
        "2:25:",
        "2:31:",
        "4:31:",
        "4:45:",
        "5:3:",
        "5:25:",
        "7:34:",
        "7:37:",
        "8:17:",
        "9:3:",
        "9:32:",
    ]


def test_what_cannot_be_read_is_complained_of_once(job_problems: Problems) -> None:
    assert len(job_problems("id: a\ndecks: 0123")) == 1


def test_a_mistake_in_what_was_merged_points_to_where_it_stands(problems: Problems) -> None:
    text = """\
sources: {h: {provider: harbor, user: u, password: p}}
x-common: &common
  decks: 99
jobs:
  one: {source: h, id: x, <<: *common}
  two: {source: h, id: y, <<: *common, decks: 2}
"""
    assert problems(text) == ["3:10: jobs.one.decks should be at most 20"]
