"""Small parts of a store's files, which stay in memory until they are stored."""

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from backhaul.storage import held_parts
from backhaul.storage.held_parts import HeldParts


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[HeldParts]:
    found = HeldParts(tmp_path / "parts", durable=False)
    yield found
    found.close()


def _files(parts: HeldParts) -> list[str]:
    return sorted(path.name for path in parts.path.rglob("*") if path.is_file())


def _read(parts: HeldParts, name: str) -> bytes:
    with parts.read_part(name) as file:
        return file.read()


def test_a_small_part_is_read_from_memory_and_dropped(parts: HeldParts) -> None:
    parts.write_part("2014/a.gz", b"data")

    assert (parts.held("2014/a.gz"), parts.part_length("2014/a.gz")) == (b"data", 4)
    assert _read(parts, "2014/a.gz") == b"data"
    assert (_files(parts), parts.part_size("2014/a.gz")) == ([], 0)

    parts.drop_part("2014/a.gz")
    assert (parts.held("2014/a.gz"), parts.part_length("2014/a.gz")) == (None, None)


def test_data_that_does_not_fit_in_memory_is_written_to_disk(
    parts: HeldParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_parts, "_MOST", 10)
    parts.write_part("a", b"123456")
    parts.write_part("b", b"123456")
    assert (parts.held("a"), parts.held("b"), _files(parts)) == (b"123456", None, ["b.part"])
    assert _read(parts, "b") == b"123456"

    parts.drop_part("a")
    parts.write_part("c", b"1234567890")
    assert parts.held("c") is not None, "there is room again"
    parts.drop_part("b")
    assert _files(parts) == []


def test_a_newer_part_takes_the_place_of_an_older_one(parts: HeldParts) -> None:
    parts.write_part("a", b"old")
    parts.write_part("a", b"newer")
    assert _read(parts, "a") == b"newer"

    with os.fdopen(parts.new_part("a"), "wb") as file:
        file.write(b"on disk")
    assert (parts.held("a"), _read(parts, "a")) == (None, b"on disk")

    parts.write_part("a", b"in memory")
    assert _read(parts, "a") == b"in memory"
    parts.drop_part("a")
    assert _files(parts) == []


def test_a_part_that_is_moved_or_renamed_is_on_disk(parts: HeldParts) -> None:
    parts.write_part("a", b"data")
    parts.rename_part("a", "b")
    assert (parts.held("a"), _read(parts, "b")) == (None, b"data")

    parts.write_part("c", b"more")
    parts.move_part("c", "c.rejected", dir_fd=parts.dir_fd)
    assert (parts.part_length("c"), _files(parts)) == (None, ["b.part", "c.rejected"])

    parts.write_part("d", b"more")
    with os.fdopen(parts.open_part("d"), "rb") as file:
        assert file.read() == b"more"


def test_another_process_writes_to_disk(parts: HeldParts) -> None:
    other = pickle.loads(pickle.dumps(parts))
    other.write_part("a", b"data")
    other.close()
    assert _files(parts) == ["a.part"]
    assert _read(parts, "a") == b"data"
    parts.drop_part("a")
    assert _files(parts) == []
