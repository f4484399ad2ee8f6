"""Unreadable or excessive YAML: one line per problem, with its place."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.usual import usual

from backhaul.config.compose import Composer, StopReadingError
from backhaul.config.diagnostics import Diagnostics

Problems = Callable[..., list[str]]

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

# Input, place, and what else the line must contain.
CASES = {
    "an empty file": (b"", "1:1", ""),
    "comments alone": (b"# nothing\n\n", "1:1", ""),
    "an empty document": (b"---\n...\n", "1:1", ""),
    "a byte order mark alone": (b"\xef\xbb\xbf", "1:1", ""),
    "a list": (b"\n- a\n", "2:1", ""),
    "a text": (b"hello\n", "1:1", ""),
    "a tab as indentation": (b"sources:\n\th: 1\n", "2:1", "tab"),
    "a tab after spaces": (b"jobs:\n  a: 1\n  \tb: 2\n", "3:3", "tab"),
    "an open bracket": (b"jobs: [\n", "2:1", "YAML"),
    "a colon too many": (b"jobs: a: b\n", "1:8", "YAML"),
    "an open quote": (b"jobs: 'a\n", "2:1", "YAML"),
    "bytes that are not UTF-8": ("jobs: é\nb: ".encode() + b"\xe9\n", "2:4", "UTF-8"),
    "UTF-16": ("jobs: a".encode("utf-16"), "1:1", "UTF-8"),
    "a NUL": (b"jobs:\n  a\0b: 1\n", "2:4", "U+0000"),
    "an escape sequence": ("jobs: é\x1b[0m".encode(), "1:8", "U+001B"),
    "a NUL by escape": (b'jobs: {"a": "\\0"}\n', "1:13", "\\x00"),
    "a second document": (b"a: 1\n---\nb: 2\n", "2:1", ""),
    "an alias bomb": (BOMB.encode(), "6:8", "100,000"),
    "an alias within itself": (b"a: &a\n  b: *a\n", "2:6", "*"),
    "an alias of nothing": (b"a: *b\n", "1:4", "&"),
    "deep nesting": (b"a: " + b"[" * 10_000, "1:35", "32"),
    "deep nesting of mappings": (b"a: " + b"{" * 10_000, "1:35", "32"),
    "deep nesting with spaces": ("é: ".encode() + b"[ { " * 5000, "1:66", "32"),
    "deep nesting over lines": (b"a:\n  b: [\n" + b"[\n" * 5000, "32:1", "32"),
    "deep block nesting": (b"- " * 40, "1:65", "32"),
    "very deep block nesting": (b"- " * 10_000, "1:65", "32"),
    "deep nesting by aliases": (
        b"a: &a [[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]\nb: [[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]\n",
        "2:20",
        "32",
    ),
    "a Python object": (b"a: !!python/object/apply:os.system [id]\n", "1:4", "!"),
    "a tag of one's own": (b"a: !secret x\n", "1:4", "!"),
    "too many values": (b"a: [" + b"x," * 100_000 + b"]\n", "1:199999", "100,000"),
    "a file of 5 MB": (b"#" * 5_000_000, "1:1", "4 MiB"),
    "a duplicate key": (b"jobs:\n  a: {}\n  b: {}\n  a: {}\n", "4:3", "line 2"),
    "a number as key": (b"jobs:\n  2016: {}\n", "2:3", '"2016"'),
    "a truth value as key": (b"jobs:\n  no: {}\n", "2:3", '"no"'),
    "a list as key": (b"jobs:\n  [a, b]: {}\n", "2:3", ""),
    "a day that does not exist": (b"a: 2016-02-30\n", "1:4", ""),
    "an octal number": (b"a: 0123\n", "1:4", ""),
    "a number of base 60": (b"a: 12:30\n", "1:4", ""),
    "a number of 5,000 digits": (b"a: " + b"9" * 5000, "1:4", ""),
    "no number": (b"a: .nan\n", "1:4", ""),
    "a merge of a text": (b"a: {<<: b}\n", "1:5", "<<"),
}


@pytest.mark.parametrize(("data", "place", "named"), CASES.values(), ids=CASES)
def test_it_is_reported_at_its_place(
    problems: Problems, data: bytes, place: str, named: str
) -> None:
    messages = problems(data)
    assert any(line.startswith(f"{place}: ") and named in line for line in messages), messages


@pytest.mark.parametrize("opener", usual(["[", "{", "[ {", "- "], "[ {", "- "))
def test_deep_nesting_is_reported_alike_by_both_parsers(opener: str) -> None:
    messages = []
    for loader in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        diagnostics = Diagnostics()
        with pytest.raises(StopReadingError):
            Composer(opener * 2000, "c.yaml", diagnostics, loader).document()
        messages.append(diagnostics.lines())
    assert messages[0] == messages[1]
    assert len(messages[0]) == 1


@pytest.mark.parametrize("value", ["[" * 20, '"' + "[" * 3000, "[" * 20 + "]" * 20 + "[" * 20])
def test_shallow_brackets_are_merely_invalid_yaml(problems: Problems, value: str) -> None:
    (message,) = problems(f"a: {value}")
    assert "32" not in message
    assert "YAML" in message


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
    text = "\n".join(problems(f"sources:\n  h:\n    password: {value}\n"))
    assert "sesame77" not in text
    assert "777777" not in text


def test_a_missing_file_is_named(tmp_path: Path, load_paths: Callable[..., list[str]]) -> None:
    (line,) = load_paths(tmp_path / "none.yaml")
    assert line.startswith(f"{tmp_path / 'none.yaml'}: ")
    assert os.strerror(errno.ENOENT) in line


def test_a_folder_is_not_a_file(tmp_path: Path, load_paths: Callable[..., list[str]]) -> None:
    (line,) = load_paths(tmp_path)
    assert line.startswith(f"{tmp_path}: ")
    assert os.strerror(errno.EISDIR) in line
