"""From what is listed to what is wanted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backhaul.errors import FailureKind
from backhaul.ledger.ledger import Ledger
from backhaul.run.accept import accept
from backhaul.run.seen import Seen
from backhaul.run.task import Task, TaskSpec
from backhaul.storage.folder import JobFolder
from backhaul.types import RemoteFile, SlotState


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[JobFolder]:
    made = JobFolder(tmp_path / "job", durable=False)
    yield made
    made.close()


@pytest.fixture
def task(tmp_path: Path) -> Iterator[Task]:
    options = {"source": "s", "provider": "p", "source_options": None, "job_options": None}
    made = Task(TaskSpec(name="job", dest=tmp_path, **options), order=0)  # type: ignore[arg-type]  # plain texts
    with Ledger(tmp_path) as ledger:
        made.ledger = ledger
        made.id = ledger.jobs.open("job", source="s", provider="p")
        yield made


def wanted(task: Task, folder: JobFolder, *names: str) -> list[str]:
    assert task.ledger is not None
    files = [RemoteFile(name) for name in names]
    return [item.file.name for item in accept(task, task.ledger, folder, files, only_failed=False)]


def test_bad_names_are_refused_one_by_one_and_the_rest_goes_on(
    task: Task, folder: JobFolder
) -> None:
    names = ["../x", "/x", "a\0b", "nul", "x" * 300, "\ud800", "good.gz", "x.part"]
    assert wanted(task, folder, *names) == ["good.gz"]
    assert {note.kind for note in task.notes} == {FailureKind.UNSAFE_NAME}
    assert len(task.notes) == 7
    assert all(note.file and note.file.isprintable() for note in task.notes)


def test_of_names_that_collide_the_first_is_taken(task: Task, folder: JobFolder) -> None:
    assert wanted(task, folder, "a.gz", "A.GZ", "é.gz", "e\u0301.gz") == ["a.gz", "é.gz"]
    assert len(task.notes) == 2


def test_a_name_that_collides_with_one_of_an_earlier_run_is_refused(
    task: Task, folder: JobFolder
) -> None:
    assert wanted(task, folder, "a.gz") == ["a.gz"]
    later = Task(task.spec, order=0)
    later.ledger, later.id, later.has_rows = task.ledger, task.id, True
    assert wanted(later, folder, "A.gz", "b.gz") == ["b.gz"]
    assert [(note.file, note.kind) for note in later.notes] == [("A.gz", FailureKind.UNSAFE_NAME)]


def test_a_name_listed_twice_is_fetched_once(task: Task, folder: JobFolder) -> None:
    assert wanted(task, folder, "a.gz", "a.gz") == ["a.gz"]
    assert wanted(task, folder, "a.gz") == []
    assert task.notes == []


def test_a_bad_name_that_only_a_later_wave_lists_is_still_told_once(
    task: Task, folder: JobFolder
) -> None:
    assert wanted(task, folder, "a.gz") == ["a.gz"]
    for wave in (1, 2):
        task.wave = wave
        task.seen.clear()
        assert wanted(task, folder, "../x", "A.gz") in (["A.gz"], [])
    assert [note.file for note in task.notes].count("../x") == 1


def test_seen_remembers_ids_at_a_bit_each() -> None:
    seen = Seen()
    for number in (0, 7, 8, 1_000_000):
        assert number not in seen
        seen.add(number)
        assert number in seen
    assert 9 not in seen
    seen.clear()
    assert 8 not in seen


def test_what_earlier_waves_listed_is_counted_once(task: Task, folder: JobFolder) -> None:
    assert wanted(task, folder, "a.gz", "b.gz") == ["a.gz", "b.gz"]
    task.next_wave()
    assert wanted(task, folder, "b.gz", "c.gz") == ["c.gz"]
    task.next_wave()
    assert wanted(task, folder, "a.gz", "b.gz", "c.gz", "d.gz") == ["d.gz"]
    assert task.listed == 4


def test_what_is_here_as_it_is_listed_is_not_wanted_again(task: Task, folder: JobFolder) -> None:
    names = ["a.gz", "b.gz", "c.gz"]
    assert wanted(task, folder, *names) == names
    for name in names:
        folder.write_part(name, b"12")
    folder.publish(names)
    assert task.ledger is not None
    row = (SlotState.VERIFIED, 2, "0" * 64, 1, None, None, None, 1, 4, task.id)
    task.ledger.files.save_done([(*row, name) for name in names])
    (folder.path / "b.gz").write_bytes(b"1")
    task.open.clear()
    task.next_wave()
    assert wanted(task, folder, *names, "c.gz") == ["b.gz"]
    assert (task.skipped, task.listed) == (0, 3)  # counted when the first wave listed them
    files = [RemoteFile("c.gz", records=5)]
    task.next_wave()
    assert accept(task, task.ledger, folder, files, only_failed=False) == []
    found = task.ledger.files.get(task.id, "c.gz")
    assert found is not None
    assert found.listed_records == 5
