"""Paths with control characters: everything that is printed passes one gate."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
YAML = """\
version: 1
sources:
  s: {provider: stocktwits-backup, username: u, password: p, base_url: "http://127.0.0.1:1/"}
jobs:
  j: {source: s, file_types: [message], from: 2016-01-01, to: 2016-01-03}
"""
ODD = "a\n\x1b[2Jb\u202ec\r"


def is_plain(text: str) -> bool:
    return text.replace("\n", "").isprintable() and "\nc" not in text and "[2Jb" in text


@pytest.mark.parametrize("colour", ["always", "never"])
@pytest.mark.parametrize(
    "words",
    [
        ["validate", "CONFIG"],
        ["rollup", "--to", "day", "CONFIG"],
        ["report", "CONFIG", "-o", "FOLDER/page.html"],
        ["init", "gnip-hpt", "-o", "FOLDER/new.yaml"],
        ["doctor", "CONFIG"],
        ["validate", "FOLDER/missing.yaml"],
        ["run", "CONFIG", "--log-file", "FOLDER/no/log"],
    ],
    ids=" ".join,
)
def test_a_path_cannot_control_the_terminal(
    backhaul: Run, tmp_path: Path, words: list[str], colour: str
) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    config = folder / "c.yaml"
    config.write_text(YAML)
    given = [word.replace("CONFIG", str(config)).replace("FOLDER", str(folder)) for word in words]

    ended = backhaul(*given, "--color", colour)

    said = (ended.out + ended.err).replace("\x1b[0m", "")
    for code in ("31", "32", "33", "2", "1"):
        said = said.replace(f"\x1b[{code}m", "")
    assert is_plain(said)


def test_a_file_with_a_broken_source_has_no_count_of_its_sources(
    backhaul: Run, tmp_path: Path
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(YAML.replace("stocktwits-backup", "stocktwits-bakcup"))
    ended = backhaul("validate", config)
    assert (ended.code, ended.out) == (12, "")
    assert "no provider 'stocktwits-bakcup'" in ended.err
    ran = backhaul("run", config)
    assert ran.code == 12
    assert "report it" not in ran.out


def test_spaces_of_other_widths_are_printed_as_they_are(backhaul: Run, tmp_path: Path) -> None:
    folder = tmp_path / "データ\u3000a\u00a0b"
    folder.mkdir()
    config = folder / "c.yaml"
    assert str(config) in backhaul("validate", config).err
    config.write_text(YAML)
    assert str(config) in backhaul("validate", config).out
