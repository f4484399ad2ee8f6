"""Which listed files are wanted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.listed import listing
from tests.one_job import under_way

from backhaul.errors import FailureKind
from backhaul.ledger.ledger import Ledger
from backhaul.run.accept import accept
from backhaul.run.id_set import IdSet
from backhaul.run.task import Task
from backhaul.storage.destination import Staged
from backhaul.storage.lease import Lease
from backhaul.types import RemoteFile, SlotState


@pytest.fixture
def task(tmp_path: Path) -> Iterator[Task]:
    with Ledger(tmp_path / ".backhaul") as ledger, under_way(listing(), tmp_path, ledger) as made:
        made.open_storage(durable=False)
        yield made


def wanted(task: Task, *names: str) -> list[str]:
    files = [RemoteFile(name) for name in names]
    return [item.file.name for item in accept(task, files, only_failed=False)]


def test_bad_names_are_refused_one_by_one_and_the_rest_continues(task: Task) -> None:
    names = ["../x", "/x", "a\0b", "nul", "x" * 300, "\ud800", "good.gz", "x.part"]
    assert wanted(task, *names) == ["good.gz"]
    assert {note.kind for note in task.job.notes} == {FailureKind.UNSAFE_NAME}
    assert len(task.job.notes) == 7
    assert all(note.file and note.file.isprintable() for note in task.job.notes)


def test_the_first_of_colliding_names_is_used(task: Task) -> None:
    assert wanted(task, "a.gz", "A.GZ", "é.gz", "e\u0301.gz") == ["a.gz", "é.gz"]
    assert len(task.job.notes) == 2


def test_a_name_that_collides_with_one_of_an_earlier_run_is_refused(
    task: Task, tmp_path: Path
) -> None:
    assert wanted(task, "a.gz") == ["a.gz"]
    task.lease.release()
    with under_way(listing(), tmp_path, task.ledger) as later:
        later.open_storage(durable=False)
        assert wanted(later, "A.gz", "b.gz") == ["b.gz"]
        notes = [(note.file, note.kind) for note in later.job.notes]
    task.lease = Lease(tmp_path / ".backhaul", "job")
    assert notes == [("A.gz", FailureKind.UNSAFE_NAME)]


def test_a_name_listed_twice_is_fetched_once(task: Task) -> None:
    assert wanted(task, "a.gz", "a.gz") == ["a.gz"]
    assert wanted(task, "a.gz") == []
    assert task.job.notes == []


def test_a_bad_name_that_only_a_later_wave_lists_is_still_reported_once(task: Task) -> None:
    assert wanted(task, "a.gz") == ["a.gz"]
    for listing_round in (1, 2):
        task.listing_round = listing_round
        task.seen.clear()
        assert wanted(task, "../x", "A.gz") in (["A.gz"], [])
    assert [note.file for note in task.job.notes].count("../x") == 1


def test_seen_remembers_ids_at_a_bit_each() -> None:
    seen = IdSet()
    for number in (0, 7, 8, 1_000_000):
        assert number not in seen
        seen.add(number)
        assert number in seen
    assert 9 not in seen
    seen.clear()
    assert 8 not in seen


def test_files_of_earlier_listing_rounds_are_counted_once(task: Task) -> None:
    assert wanted(task, "a.gz", "b.gz") == ["a.gz", "b.gz"]
    task.next_listing_round()
    assert wanted(task, "b.gz", "c.gz") == ["c.gz"]
    task.next_listing_round()
    assert wanted(task, "a.gz", "b.gz", "c.gz", "d.gz") == ["d.gz"]
    assert task.counts.listed == 4


def test_a_file_present_as_listed_is_not_fetched_again(task: Task) -> None:
    names = ["a.gz", "b.gz", "c.gz"]
    assert wanted(task, *names) == names
    for name in names:
        task.workspace.write_part(name, b"12")
    task.destination.publish([Staged(name) for name in names])
    row = (SlotState.VERIFIED, 2, "0" * 64, 1, None, None, None, 1, 4, task.id)
    task.ledger.files.save_done([(*row, name) for name in names])
    task.destination.local_path("b.gz").write_bytes(b"1")
    task.open.clear()
    task.next_listing_round()
    assert wanted(task, *names, "c.gz") == ["b.gz"]
    # Counted when the first round listed them.
    assert (task.counts.skipped, task.counts.listed) == (0, 3)
    files = [RemoteFile("c.gz", records=5)]
    task.next_listing_round()
    assert accept(task, files, only_failed=False) == []
    found = task.ledger.files.get(task.id, "c.gz")
    assert found is not None
    assert found.listed_records == 5
