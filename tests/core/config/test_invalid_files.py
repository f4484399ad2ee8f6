"""Invalid YAML: all mistakes are reported at once, each with its place and what to do."""

from collections.abc import Callable

import pytest
from tests.messages import assert_messages

Problems = Callable[..., list[str]]
Facts = tuple[str, ...]  # the place, and what else the line must contain

JOB_CASES = {
    "a misspelt key names the near one": (
        "id: a\nkindz: [log]",
        ("6:5: jobs.wren", '"kindz"', '"kinds"'),
    ),
    "an unknown key without a near one lists the known": (
        "id: a\nqqq: 1",
        (("6:5: jobs.wren", '"qqq"')),
    ),
    "a field's Python name is no key": (
        "id: a\nstart: 2016-12-01",
        ("6:5: jobs.wren", '"start"', '"parts"'),
    ),
    "a misspelt key deep below": (
        "id: a\nparts:\n  - weight: 1\n    lable: x",
        ("8:9: jobs.wren.parts.0", '"lable"', '"label"'),
    ),
    "a missing key deep below": (
        "id: a\nparts:\n  - label: x",
        ("7:9: jobs.wren.parts.0", '"weight"'),
    ),
    "no is read as a truth value": (
        "id: no",
        ("5:9: jobs.wren.id", '"no"'),
    ),
    "digits are read as a number": (
        "id: 201201010000",
        ("5:9: jobs.wren.id", '"201201010000"'),
    ),
    "a day is read as a date": (
        "id: 2016-12-01",
        ("5:9: jobs.wren.id", '"2016-12-01"'),
    ),
    "a list instead of a string": ("id: [a]", ("5:9: jobs.wren.id",)),
    "a string instead of a number": (
        "id: a\ndecks: three",
        ("6:12: jobs.wren.decks"),
    ),
    "a quoted number": (
        'id: a\ndecks: "3"',
        ("6:12: jobs.wren.decks"),
    ),
    "a fraction is no whole number": (
        "id: a\ndecks: 3.0",
        ("6:12: jobs.wren.decks"),
    ),
    "a number out of bounds": ("id: a\ndecks: 21", ("6:12: jobs.wren.decks", "20")),
    "1 is no truth value": (
        "id: a\nsails: 1",
        ("6:12: jobs.wren.sails"),
    ),
    "a text where a list is wanted": (
        "id: a\nkinds: log",
        ("6:12: jobs.wren.kinds",),
    ),
    "an empty list": ("id: a\nkinds: []", ("6:12: jobs.wren.kinds", "1")),
    "a word that is none of the choices": (
        "id: a\nkinds:\n  - log\n  - charts",
        ("8:9: jobs.wren.kinds.1", '"log"', '"chart"'),
    ),
    "a value of a mapping": (
        "id: a\nparams: {x: 1, y: two}",
        ("6:23: jobs.wren.params.y"),
    ),
    "neither branch of a union": (
        "id: a\neither: some",
        ("6:13: jobs.wren.either", '"all"'),
    ),
    "a length of time": (
        "id: a\nevery: 10 minutes",
        ("6:12: jobs.wren.every", "0s", "30m", "12h", "1d"),
    ),
    "a size": (
        "id: a\nsplit: lots",
        ("6:12: jobs.wren.split", "500K", "20M", "1G"),
    ),
    "a time": (
        "id: a\nfrom: soon",
        (("6:11: jobs.wren.from", "2016-12-01", "2016-12-01T06:30:00Z")),
    ),
    "a rule over several keys": ("decks: 3", ("3:3: jobs.wren",)),
    "an unknown wait": (
        "id: a\nwait: long",
        ("6:11: jobs.wren.wait", "0s", "30m", "12h", "1d"),
    ),
}


@pytest.mark.parametrize(("keys", "expected"), JOB_CASES.values(), ids=JOB_CASES)
def test_an_error_in_a_job_is_reported_at_its_position(
    job_problems: Problems, keys: str, expected: Facts
) -> None:
    assert_messages(job_problems(keys), expected)


FILE_CASES = {
    "a misspelt section": (
        "soures: {}\nsources: {h: {provider: harbor, user: u, password: p}}\n",
        [("1:1:", '"soures"', '"sources"')],
    ),
    "no sources": ("jobs: {}\n", [("1:1:", '"sources"')]),
    "empty sources": ("version: 1\nsources: {}\n", [("2:1: ",)]),
    "sources without content": (
        "version: 1\nsources:\n",
        [("2:1: ",)],
    ),
    "a list of sources": (
        "sources:\n  - provider: harbor\n",
        [("2:3: sources",)],
    ),
    "a source that is a text": (
        "sources:\n  h: harbor\n",
        [("2:6: sources.h",)],
    ),
    "another version": (
        "version: 2\nsources: {h: {provider: harbor, user: u, password: p}}\n",
        [("1:10:", "1")],
    ),
    "a source without a provider": (
        "sources:\n  h:\n    user: u\n",
        [("2:3: sources.h", '"provider"')],
    ),
    "a source without a password": (
        "sources:\n  h:\n    provider: harbor\n    user: u\n",
        [("2:3: sources.h", '"password"')],
    ),
    "a password that YAML reads as a number is not shown": (
        "sources:\n  h:\n    provider: harbor\n    user: u\n    password: 12345678\n",
        [("5:15: sources.h.password")],
    ),
    "a job without a source": (
        "sources: {h: {provider: harbor, user: u, password: p}}\njobs:\n  a: {id: x}\n",
        [("3:3: jobs.a", '"source"')],
    ),
    "a job of an unknown source": (
        "sources: {main: {provider: harbor, user: u, password: p}}\njobs:\n  a: {source: mian}\n",
        [("3:15: jobs.a", '"mian"', '"main"')],
    ),
    "a misspelt setting": (
        "settings:\n  conections: 3\nsources: {h: {provider: harbor, user: u, password: p}}\n",
        [("2:3: settings", '"conections"', '"connections"')],
    ),
    "a setting out of bounds": (
        (
            "settings: {wait: 400d, retries: -1}\n"
            "sources: {h: {provider: harbor, user: u, password: p}}\n"
        ),
        [
            ("1:18: settings.wait", "366d"),
            ("1:33: settings.retries", "0"),
        ],
    ),
    "a destination that is no folder": (
        "settings: {dest: 'ftp://bucket/x'}\nsources: {h: {provider: harbor, user: u, password: p}}\n",
        [("1:18: settings.dest", "s3, gs, az or file")],
    ),
    "a store that has credentials in its URL": (
        "settings: {dest: 's3://key:secret@bucket'}\nsources: {h: {provider: harbor, user: u, password: p}}\n",
        [("1:18: settings.dest", "credentials come from the environment")],
    ),
    "a misspelled key of the store": (
        "settings: {dest: 's3://bucket', store: {endpont: 'http://127.0.0.1:9'}}\n"
        "sources: {h: {provider: harbor, user: u, password: p}}\n",
        [("1:41: settings.store", '"endpont"', '"endpoint"')],
    ),
    "an addressing of the store": (
        "settings: {dest: 's3://bucket', store: {addressing: paths}}\n"
        "sources: {h: {provider: harbor, user: u, password: p}}\n",
        [("1:53: settings.store.addressing",)],
    ),
    "settings of a store for a folder": (
        "settings: {dest: archive, store: {region: x}, workspace: w}\n"
        "sources: {h: {provider: harbor, user: u, password: p}}\n",
        [
            ("1:27: settings.store", "dest is a folder"),
            ("1:47: settings.workspace", "leave it out"),
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), FILE_CASES.values(), ids=FILE_CASES)
def test_an_error_in_the_file_is_reported_at_its_position(
    problems: Problems, text: str, expected: list[Facts]
) -> None:
    assert_messages(problems(text), *expected)


NAMES = [
    "a/b", "a\\b", "..", ".hidden", "-rf", "con", "LPT1.txt", "a" * 101, "é" * 101, "漢" * 99, "a:b", "end.", " a",
    "a\x85b", "",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_job_name_must_be_a_valid_folder_name(problems: Problems, name: str) -> None:
    quoted = '"' + name.replace("\\", "\\\\").replace("\x85", "\\N") + '"'
    sources = "sources: {h: {provider: harbor, user: u, password: p}}"
    assert_messages(
        problems(f"{sources}\njobs:\n  ? {quoted}\n  : {{source: h, id: x}}\n"), ("3:5: ")
    )


def test_names_that_differ_only_in_case_are_refused(problems: Problems) -> None:
    text = (
        "sources: {h: {provider: harbor, user: u, password: p}}\n"
        "jobs:\n  Wren: {source: h, id: x}\n  wren: {source: h, id: y}\n"
    )
    assert_messages(problems(text), ("4:3: ", '"wren"', '"Wren"', "c.yaml:3:3"))


def test_all_errors_are_reported_at_once_from_top_to_bottom(problems: Problems) -> None:
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


def test_an_unreadable_file_is_reported_once(job_problems: Problems) -> None:
    assert len(job_problems("id: a\ndecks: 0123")) == 1


def test_an_error_in_a_merged_mapping_points_to_its_position(problems: Problems) -> None:
    text = """\
sources: {h: {provider: harbor, user: u, password: p}}
x-common: &common
  decks: 99
jobs:
  one: {source: h, id: x, <<: *common}
  two: {source: h, id: y, <<: *common, decks: 2}
"""
    assert_messages(problems(text), ("3:10: jobs.one.decks", "20"))
