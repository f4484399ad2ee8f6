"""Results on stdout."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from backhaul.cli import output
from backhaul.cli.writing import write_file
from backhaul.errors import ConfigError, DiskError
from backhaul.redact import register


def test_streamed_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.stream_json(
        "jobs", [({"job": "a"}, "files", iter([{"n": 1}, {"n": 2}])), ({"job": "b"}, "files", [])]
    )

    assert json.loads(capsys.readouterr().out) == {
        "exit_code": 0,
        "jobs": [{"job": "a", "files": [{"n": 1}, {"n": 2}]}, {"job": "b", "files": []}],
    }


def test_an_empty_stream_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    output.stream_json("jobs", [])

    assert json.loads(capsys.readouterr().out) == {"exit_code": 0, "jobs": []}


def test_a_secret_in_a_message_is_redacted_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    register("a harbor in fog")

    output.as_json({"jobs": [{"message": "said a harbor in fog", "warnings": ["a harbor in fog"]}]})
    output.stream_json("jobs", [({"job": "a"}, "slots", [{"reason": "a harbor in fog"}])])

    assert "harbor" not in capsys.readouterr().out


def test_a_table_is_aligned_except_for_its_last_column() -> None:
    assert list(output.table([("a", "bb", ""), ("ccc", "d", "e")])) == ["a    bb", "ccc  d   e"]


def test_a_file_is_not_replaced_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, "first")

    with pytest.raises(ConfigError, match="--force"):
        write_file(path, "second")

    write_file(path, "third", force=True)
    assert path.read_text() == "third"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_a_disk_error(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="nowhere"):
        write_file(tmp_path / "nowhere" / "file", "text")


def test_a_table_fits_the_terminal_and_breaks_between_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = " ".join(f"hook_number_{number}," for number in range(12))

    lines = list(output.table([("gnip-hpt", "backhaul 1.0", words), ("b", "c", "d")]))

    assert max(map(len, lines)) <= 80
    assert " ".join(line[24:].strip() for line in lines[:-1]) == words
    assert lines[-1].split() == ["b", "c", "d"]


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(path, "text", force=True)
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)
    assert path.is_fifo()


def test_a_symbolic_link_stays_a_link_to_the_new_text(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    write_file(path, "first")
    link.symlink_to(path)

    write_file(link, "second", force=True)

    assert link.is_symlink()
    assert path.read_text() == "second"


@pytest.mark.parametrize("at", ["the list", "an entry", "an item"])
def test_json_interrupted_by_an_error_is_complete_and_has_its_exit_code(
    capsys: pytest.CaptureFixture[str], at: str
) -> None:
    def items() -> Iterator[dict[str, str]]:
        yield {"file": "a"}
        if at == "an item":
            raise DiskError("damaged")

    def entries() -> Iterator[tuple[dict[str, str], str, Iterator[dict[str, str]]]]:
        if at == "the list":
            raise DiskError("damaged")
        yield {"job": "a"}, "files", items()
        raise DiskError("damaged")

    with pytest.raises(DiskError):
        output.stream_json("jobs", entries())
    found = [] if at == "the list" else [{"job": "a", "files": [{"file": "a"}]}]
    assert json.loads(capsys.readouterr().out) == {
        "jobs": found,
        "exit_code": 9,
        "problems": ["damaged"],
    }
