"""Provider names: accepted ones can be created and stay inside the folder."""

import os
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backhaul.names import key, unsafe

TRICKY = st.lists(
    st.sampled_from(
        [
            *'aZ9._- /\\:*?"<>|~%$',
            "..",
            "con",
            "NUL",
            "com1",
            "COM²",
            ".part",
            ".backhaul",
            "\0",
            "\n",
            "\x7f",
            "é",
            "e\u0301",
            "ß",
            "İ",
            "\u2028",
            "\ud800",
            "漢" * 30,
            "x" * 120,
        ]
    ),
    max_size=9,
).map("".join)


@pytest.mark.parametrize(
    "name",
    [
        "2014_05_17_00_00_activities.json.gz", "a", "a/b/c.gz", "é.gz", "漢字.json", "a b.gz", "a+b,c=d@e.gz",
        "console.gz", "x.partial", "com10.gz", "x" * 230,
    ],
)  # fmt: skip
def test_ordinary_names_are_accepted(name: str) -> None:
    assert unsafe(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a/..",
        "./x",
        "a//b",
        "a/",
        "a\0b",
        "a\nb",
        "a\x7fb",
        "a\u2028b",
        "\ud800",
        "x" * 300,
        "漢" * 100,
        "/".join(["x" * 200] * 6),
        "c:\\windows",
        "a:b",
        "con",
        "NUL.gz",
        "aux .txt",
        "a/COM1.json.gz",
        "COM².gz",
        "CONIN$",
        "a.",
        "a ",
        " a",
        ".backhaul/ledger.sqlite",
        ".Backhaul/ledger.sqlite",
        "x.part",
        "x.PART.json",
        "x.part/y",
        "SHA256SUMS",
        "manifest.jsonl",
        "MANIFEST.jsonl/x",
    ],
)
def test_a_name_that_cannot_be_used_is_refused_with_a_reason(name: str) -> None:
    assert unsafe(name)


@given(TRICKY | st.text(max_size=40))
@example("a.")
@settings(max_examples=300, deadline=None)
def test_any_accepted_name_stays_inside_and_can_be_created(name: str) -> None:
    if unsafe(name) is not None:
        return
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder).resolve()
        path = inside / name
        assert Path(os.path.normpath(path)).is_relative_to(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part.json")
        part.write_bytes(b"x")
        part.rename(path)
        assert [found for found in inside.rglob("*") if found.is_file()] == [path]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A.gz", "a.gz"),
        ("é.gz", "e\u0301.gz"),
        ("É.gz", "e\u0301.gz"),
        ("straße", "STRASSE"),
        ("K", "\u212a"),
        ("a/B", "A/b"),
        ("\u0345\u0301", "\u0301\u0345"),
    ],
)
def test_names_that_some_file_systems_consider_equal_have_the_same_key(
    one: str, other: str
) -> None:
    assert key(one) == key(other)


@given(st.text(max_size=12))
@settings(max_examples=300)
def test_a_key_does_not_depend_on_case_or_form(name: str) -> None:
    assert key(key(name)) == key(name)
    for form in ("NFC", "NFD"):
        assert key(unicodedata.normalize(form, name)) == key(name)
