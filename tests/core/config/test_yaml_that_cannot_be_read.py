"""What is no YAML, or YAML beyond the bounds: one line each, at its place."""

from collections.abc import Callable
from pathlib import Path

import pytest

Problems = Callable[..., list[str]]

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

CASES = {
    "an empty file": (b"", "1:1: the file is empty"),
    "comments alone": (b"# nothing\n\n", "1:1: the file is empty"),
    "an empty document": (b"---\n...\n", "1:1: the file is empty"),
    "a byte order mark alone": (b"\xef\xbb\xbf", "1:1: the file is empty"),
    "a list": (
        b"\n- a\n",
        "2:1: the file should be a mapping (sources, jobs, settings), not a list",
    ),
    "a text": (
        b"hello\n",
        "1:1: the file should be a mapping (sources, jobs, settings), not a text",
    ),
    "a tab as indentation": (b"sources:\n\th: 1\n", "2:1: a tab stands where YAML wants spaces"),
    "a tab after spaces": (
        b"jobs:\n  a: 1\n  \tb: 2\n",
        "3:3: a tab stands where YAML wants spaces",
    ),
    "an open bracket": (b"jobs: [\n", "2:1: this is not YAML"),
    "a colon too many": (b"jobs: a: b\n", "1:8: this is not YAML: mapping values are not allowed"),
    "an open quote": (b"jobs: 'a\n", "2:1: this is not YAML: found unexpected end of stream"),
    "bytes that are not UTF-8": (
        "jobs: é\nb: ".encode() + b"\xe9\n",
        "2:4: this byte is not UTF-8",
    ),
    "UTF-16": ("jobs: a".encode("utf-16"), "1:1: the file is not UTF-8"),
    "a NUL": (b"jobs:\n  a\0b: 1\n", "2:4: the character U+0000 cannot stand in YAML"),
    "an escape sequence": (
        "jobs: é\x1b[0m".encode(),
        "1:8: the character U+001B cannot stand in YAML",
    ),
    "a NUL by escape": (
        b'jobs: {"a": "\\0"}\n',
        "1:13: an escape stands for a character that no text",
    ),
    "a second document": (b"a: 1\n---\nb: 2\n", "2:1: a second document begins here"),
    "an alias bomb": (
        BOMB.encode(),
        "6:8: the aliases unfold to more than 100,000 keys and values",
    ),
    "an alias within itself": (b"a: &a\n  b: *a\n", "2:6: this alias (*name) contains itself"),
    "an alias of nothing": (b"a: *b\n", "1:4: this alias (*name) has no anchor"),
    "deep nesting": (b"a: " + b"[" * 10_000, "1:35: nested deeper than 32 levels"),
    "deep block nesting": (b"- " * 40, "1:65: nested deeper than 32 levels"),
    "deep nesting by aliases": (
        b"a: &a [[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]\nb: [[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]\n",
        "2:20: this alias nests deeper than 32 levels",
    ),
    "a Python object": (
        b"a: !!python/object/apply:os.system [id]\n",
        "1:4: this tag (a word after !)",
    ),
    "a tag of one's own": (b"a: !secret x\n", "1:4: this tag (a word after !) is not used here"),
    "too many values": (b"a: [" + b"x," * 100_000 + b"]\n", "the file has more than 100,000"),
    "a file of 5 MB": (b"#" * 5_000_000, "1:1: the file is larger than 4 MiB"),
    "a duplicate key": (
        b"jobs:\n  a: {}\n  b: {}\n  a: {}\n",
        '4:3: the key "a" stands here a second time; keep one of them; the first is in line 2',
    ),
    "a number as key": (b"jobs:\n  2016: {}\n", '2:3: a key should be a text: quote "2016"'),
    "a truth value as key": (b"jobs:\n  no: {}\n", '2:3: a key should be a text: quote "no"'),
    "a list as key": (b"jobs:\n  [a, b]: {}\n", "2:3: a key should be a single word"),
    "a day that does not exist": (b"a: 2016-02-30\n", "1:4: this is no date that exists"),
    "an octal number": (b"a: 0123\n", "1:4: YAML readers disagree about such a number"),
    "a number of base 60": (b"a: 12:30\n", "1:4: YAML readers disagree about such a number"),
    "a number of 5,000 digits": (b"a: " + b"9" * 5000, "1:4: this cannot be read"),
    "no number": (b"a: .nan\n", "1:4: this is no usable number"),
    "a merge of a text": (b"a: {<<: b}\n", "1:5: << merges mappings only"),
}


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES)
def test_it_is_said_at_its_place(problems: Problems, data: bytes, expected: str) -> None:
    assert any(expected in line and line[0].isdigit() for line in problems(data)), problems(data)


SECRETS = {
    "an alias": "*sesame77",
    "a tag": "!sesame77",
    "a directive": "%sesame77",
    "a reserved letter": "@sesame77",
    "a flow": "{sesame77",
    "an escape": '"sesame77\\q"',
    "a colon": "sesame77: x: y",
    "a number": "0777777777",
    "a missing space": "x\n  password:sesame77",
}


@pytest.mark.parametrize("value", SECRETS.values(), ids=SECRETS)
def test_a_password_that_breaks_the_yaml_is_not_repeated(problems: Problems, value: str) -> None:
    said = "\n".join(problems(f"sources:\n  h:\n    password: {value}\n"))
    assert "sesame77" not in said
    assert "777777" not in said


def test_a_file_that_is_not_there_is_named(
    tmp_path: Path, load_paths: Callable[..., list[str]]
) -> None:
    lines = load_paths(tmp_path / "none.yaml")
    assert lines == [
        (
            f"{tmp_path / 'none.yaml'}: cannot be read: No such file or directory; "
            "check the path and its permissions"
        )
    ]


def test_a_folder_is_no_file(tmp_path: Path, load_paths: Callable[..., list[str]]) -> None:
    assert "cannot be read: Is a directory" in load_paths(tmp_path)[0]
