"""The ledger and the volumes of a queue disagree: nothing is overwritten, and findings are reported."""

import gzip
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.run.test_chunked_files import Paged, contents, fetch, kinds, line, numbers, volumes

from backhaul import Chunk, Http, ProviderError, RemoteFile, SlotState
from backhaul.errors import UnreachableError
from backhaul.ledger.ledger import Ledger
from backhaul.run.result import JobOutcome
from backhaul.storage import naming

FILE = RemoteFile("a.jsonl.gz", split=1)
LARGE = RemoteFile("a.jsonl.gz", split=1 << 20)


class Queue:
    """Ten chunks; can stop before one of them, and can have dropped the first ones."""

    def __init__(self) -> None:
        self.stop: int | None = None
        self.forgotten = 0

    def __call__(self, _: Http, __: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        if cursor is not None and int(cursor) < self.forgotten:
            raise ProviderError("the cursor is too old")
        for number in range(int(cursor) if cursor else self.forgotten, 10):
            if number == self.stop:
                raise UnreachableError("cut")
            yield Chunk(line(number), str(number + 1))


@pytest.fixture
def queue() -> Queue:
    return Queue()


def all_of(dest: Path) -> list[int]:
    return numbers(*sorted((dest / "j").glob("*.gz")))


def go_back(dest: Path, queue: Queue, file: RemoteFile, *, early: int, late: int) -> None:
    """Pulls some chunks, then more, and restores the first ledger."""
    queue.stop = early
    fetch(dest, Paged(queue, file))
    shutil.copytree(dest / ".backhaul", dest / "older")
    queue.stop = late
    fetch(dest, Paged(queue, file))
    shutil.rmtree(dest / ".backhaul")
    (dest / "older").rename(dest / ".backhaul")
    queue.stop = None


@pytest.mark.parametrize("file", [FILE, RemoteFile("a.jsonl.gz", split=60), LARGE])
def test_with_an_older_ledger_no_data_of_a_queue_is_lost(
    tmp_path: Path, queue: Queue, file: RemoteFile
) -> None:
    go_back(tmp_path, queue, file, early=2, late=6)
    before = contents(tmp_path)

    result = fetch(tmp_path, Paged(queue, file))

    assert result.state is JobOutcome.COMPLETE
    assert set(all_of(tmp_path)) == set(range(10))
    after = contents(tmp_path)
    for name, data in before.items():
        if not name.endswith(".part"):
            assert after[name] == data
    assert sorted(volumes(tmp_path)) == sorted(after)


def test_duplicates_are_reported(tmp_path: Path, queue: Queue) -> None:
    go_back(tmp_path, queue, FILE, early=2, late=6)
    result = fetch(tmp_path, Paged(queue, FILE))
    (warning,) = result.warnings
    assert "4 volumes" in warning
    assert "4 records" in warning
    assert sorted(all_of(tmp_path)) == sorted([*range(10), *range(2, 6)])
    assert fetch(tmp_path, Paged(queue, FILE)).warnings == ()


@pytest.mark.parametrize("file", [FILE, LARGE])
def test_a_queue_without_its_data_removes_nothing(
    tmp_path: Path, queue: Queue, file: RemoteFile
) -> None:
    go_back(tmp_path, queue, file, early=2, late=6)
    before = contents(tmp_path)
    queue.forgotten = 6

    result = fetch(tmp_path, Paged(queue, file))

    assert kinds(result) == [("a.jsonl.gz", "failed")]
    assert contents(tmp_path) == before


def test_if_the_pieces_match_the_providers_count_nothing_is_pulled(
    tmp_path: Path, queue: Queue
) -> None:
    file = RemoteFile("a.jsonl.gz", split=1, records=10)
    go_back(tmp_path, queue, file, early=2, late=10)
    queue.forgotten = 10
    for _ in range(2):
        result = fetch(tmp_path, Paged(queue, file))
        assert (result.state, result.records) == (JobOutcome.COMPLETE, 10)


def test_a_part_is_adopted_when_the_ledger_is_gone(tmp_path: Path, queue: Queue) -> None:
    queue.stop = 3
    fetch(tmp_path, Paged(queue, LARGE))
    shutil.rmtree(tmp_path / ".backhaul")
    assert kinds(fetch(tmp_path, Paged(queue, LARGE))) == [("a.jsonl.gz", "lost")]
    assert all_of(tmp_path) == [0, 1, 2]


def test_truncated_data_in_a_part_is_left_out(tmp_path: Path, queue: Queue) -> None:
    queue.stop = 3
    fetch(tmp_path, Paged(queue, LARGE))
    with (tmp_path / "j/a-00001.jsonl.gz.part").open("ab") as part:
        part.write(gzip.compress(line(3))[:-4])
    shutil.rmtree(tmp_path / ".backhaul")
    fetch(tmp_path, Paged(queue, LARGE))
    assert all_of(tmp_path) == [0, 1, 2]


@pytest.mark.parametrize("rest", ["the same again", "other records"])
def test_a_part_that_is_longer_than_the_ledger_says_loses_nothing(
    tmp_path: Path, queue: Queue, rest: str
) -> None:
    queue.stop = 3
    fetch(tmp_path, Paged(queue, LARGE))
    with (tmp_path / "j/a-00001.jsonl.gz.part").open("ab") as part:
        part.write(gzip.compress(line(3) if rest == "the same again" else line(99)))
    queue.stop = None

    result = fetch(tmp_path, Paged(queue, LARGE))

    assert result.state is JobOutcome.COMPLETE
    kept = [] if rest == "the same again" else [99]
    assert all_of(tmp_path) == [0, 1, 2, *kept, *range(3, 10)]


@pytest.mark.parametrize("left", [0, 1])
def test_a_part_that_is_gone_or_cut_short_is_lost_and_the_queue_continues(
    tmp_path: Path, queue: Queue, left: int
) -> None:
    queue.stop = 3
    fetch(tmp_path, Paged(queue, LARGE))
    part = tmp_path / "j/a-00001.jsonl.gz.part"
    if left:
        os.truncate(part, len(gzip.compress(line(0))) + 5)
    else:
        part.unlink()
    queue.stop = None

    for _ in range(2):
        result = fetch(tmp_path, Paged(queue, LARGE))
        assert {kind for _, kind in kinds(result)} == {"lost"}
        assert (result.state, result.files.lost) == (JobOutcome.PARTIAL, 1)
    assert all_of(tmp_path) == [*([0] if left else []), *range(3, 10)]


def test_pieces_in_a_moved_folder_are_reported_and_the_queue_is_not_pulled(
    tmp_path: Path, queue: Queue
) -> None:
    queue.stop = 3
    fetch(tmp_path, Paged(queue, FILE))
    (tmp_path / "j").rename(tmp_path / "elsewhere")
    queue.stop = None
    assert ("a.jsonl.gz", "lost") in kinds(fetch(tmp_path, Paged(queue, FILE)))
    shutil.rmtree(tmp_path / "j")
    (tmp_path / "elsewhere").rename(tmp_path / "j")
    assert fetch(tmp_path, Paged(queue, FILE)).state is JobOutcome.COMPLETE
    assert all_of(tmp_path) == list(range(10))


def test_a_name_that_is_taken_during_the_transfer_is_not_overwritten(tmp_path: Path) -> None:
    other = tmp_path / "j/a-00001.jsonl.gz"

    def pull(_: Http, __: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        for number in range(int(cursor or 0), 3):
            if number == 0:
                other.write_bytes(b"somebody's")
            yield Chunk(line(number), str(number + 1))

    assert kinds(fetch(tmp_path, Paged(pull, FILE))) == [("a.jsonl.gz", "unsafe_name")]
    assert other.read_bytes() == b"somebody's"
    result = fetch(tmp_path, Paged(pull, FILE))
    assert other.read_bytes() == b"somebody's"
    assert numbers(*sorted((tmp_path / "j").glob("*.gz"))[1:]) == [0, 1, 2]
    assert result.files.corrupt == 1


@pytest.mark.parametrize("split", [None, 1])
def test_a_kill_during_a_rename_is_completed(
    tmp_path: Path, queue: Queue, split: int | None
) -> None:
    file = RemoteFile("a.jsonl.gz", split=split)
    queue.stop = 2 if split else None
    fetch(tmp_path, Paged(queue, file))
    name = "a-00002.jsonl.gz" if split else "a.jsonl.gz"
    here = tmp_path / "j" / name
    with Ledger(tmp_path / ".backhaul") as ledger:
        job = ledger.jobs.get("j")
        assert job is not None
        place = ledger.streams.get(job.id, file.name)
        assert place is not None
        size = here.stat().st_size
        before = place._replace(volume=2 if split else 1, length=size, records=1, done=0)
        ledger.streams.save(job.id, file.name, before)
    os.link(here, f"{here}.part")
    queue.stop = None

    result = fetch(tmp_path, Paged(queue, file))

    assert (result.state, result.warnings) == (JobOutcome.COMPLETE, ())
    assert all_of(tmp_path) == list(range(10))
    assert not here.with_name(f"{name}.part").exists()


@pytest.mark.parametrize("one_step", [True, False])
def test_a_file_is_renamed_only_to_an_unused_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, one_step: bool
) -> None:
    if not one_step:
        monkeypatch.setattr(naming, "rename_exclusively", None)
    (tmp_path / "a").write_text("mine")
    (tmp_path / "b").write_text("theirs")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(FileExistsError):
            naming.rename_new(folder, "a", "b")
        naming.rename_new(folder, "a", "c")
    finally:
        os.close(folder)
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {"b": "theirs", "c": "mine"}


def test_lost_pieces_have_their_own_state(tmp_path: Path, queue: Queue) -> None:
    fetch(tmp_path, Paged(queue, FILE))
    (tmp_path / "j/a-00003.jsonl.gz").unlink()
    result = fetch(tmp_path, Paged(queue, FILE))
    assert (result.files.lost, result.files.failed) == (1, 0)
    with Ledger(tmp_path / ".backhaul", readonly=True) as ledger:
        job = ledger.jobs.get("j")
        assert job is not None
        row = ledger.files.get(job.id, "a-00003.jsonl.gz")
        assert row is not None
        assert row.state is SlotState.LOST


def test_the_only_piece_of_a_drained_queue_is_lost_under_its_own_name(
    tmp_path: Path, queue: Queue
) -> None:
    fetch(tmp_path, Paged(queue, LARGE))
    (tmp_path / "j/a-00001.jsonl.gz").unlink()
    result = fetch(tmp_path, Paged(queue, LARGE))
    assert kinds(result) == [("a-00001.jsonl.gz", "lost")]
    assert (result.files.verified, result.files.lost) == (0, 1)
