"""Data lost in a power failure was never called present, and data lost by a broken disk is fetched again.

Each of these holds only if everything is synced at the right time and in the right order; see
``mutations.py``.
"""

import sys
from collections.abc import Iterator, Sequence
from hashlib import md5, sha256
from pathlib import Path

import pytest
from tests.safety.command import run
from tests.safety.dying_process import SHELF, command, ended, killed, on_disk
from tests.safety.test_crashes import done
from tests.safety.test_queues import config, delivered, stored
from tests.shelf import Shelf, large_archive

from backhaul.ledger.ledger import Ledger
from backhaul.testing.emulator import Emulator
from backhaul.testing.serve import emulator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the losing disk needs /proc")

MB = 1 << 20
LARGE = 20 * MB  # its progress is recorded once
RECORDED = {"DIE_AFTER": "rename *.gz.part done", "DIE_ON": "COMMIT done"}
MARKED = {"DIE_AFTER": "rename *.part.json.part done", "DIE_ON": "pwrite *.part"}


class Archive:
    """A provider's files, and the folder they are fetched to."""

    def __init__(self, shelf: Shelf, folder: Path, files: dict[str, bytes]) -> None:
        self.shelf = shelf
        self.folder = folder
        self.files = files
        self.words: Sequence[str] = (
            *SHELF,
            str(folder / "new" / "archive"),
            *(shelf.storage.put(name, data) or shelf.storage.link(name) for name, data in files.items()),
        )  # fmt: skip

    @property
    def job(self) -> Path:
        return self.folder / "new" / "archive" / "job"

    def cut(self, way: str, **steps: str) -> None:
        killed(self.words, **on_disk(self.folder, way), **steps)

    def fetched(self) -> int:
        """Bytes fetched by a final, undisturbed run, after which everything must be right."""
        self.shelf.requests.clear()
        assert ended(self.words) == 0
        assert {name: (self.job / name).read_bytes() for name in self.files} == self.files
        assert [path for path in self.job.rglob("*") if ".part" in path.name] == []
        return sum(each.body_bytes for each in self.shelf.requests.at("storage"))

    def requested(self) -> set[str]:
        """Names of the files that the final run requested."""
        paths = [each.path for each in self.shelf.requests.at("storage")]
        return {name for name in self.files if any(path.endswith(f"/{name}") for path in paths)}


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as started:
        yield started


@pytest.fixture
def few(shelf: Shelf, tmp_path: Path) -> Archive:
    files = {f"2015/01/{n}.json.gz": large_archive(n, 60_000) for n in range(3)}
    return Archive(shelf, tmp_path / "disk", files)


@pytest.fixture
def many(shelf: Shelf, tmp_path: Path) -> Archive:
    files = {f"{n}.json.gz": large_archive(n, 60_000 * (n + 1)) for n in range(12)}
    return Archive(shelf, tmp_path / "disk", files)


@pytest.fixture
def large(shelf: Shelf, tmp_path: Path) -> Archive:
    return Archive(shelf, tmp_path / "disk", {"large.json.gz": large_archive(1, LARGE)})


@pytest.fixture(autouse=True)
def _disk(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()


@pytest.mark.parametrize(
    ("size", "way"),
    [
        ("few", "undone"),
        ("few", "zeros"),
        pytest.param("many", "zeros", marks=pytest.mark.matrix),
        ("large", "zeros"),
        pytest.param("many", "undone", marks=pytest.mark.slow),
        pytest.param("large", "undone", marks=pytest.mark.slow),
    ],
)
def test_every_file_that_the_ledger_calls_verified_is_on_disk(
    request: pytest.FixtureRequest, size: str, way: str
) -> None:
    archive: Archive = request.getfixturevalue(size)
    archive.cut(way, **RECORDED)
    recorded = done(archive.job.parent)
    assert recorded  # a busy machine may commit them in several batches
    archive.fetched()
    assert recorded.isdisjoint(archive.requested())


def test_nothing_is_called_verified_before_it_has_its_name(many: Archive) -> None:
    many.cut("kept", DIE_ON="rename *.gz.part")
    assert done(many.job.parent) == set()
    many.fetched()


def test_a_file_found_on_disk_is_durable_before_the_ledger_has_it(
    shelf: Shelf, tmp_path: Path
) -> None:
    # One file: publishing another one would sync the folder, and with it this one's name.
    one = Archive(shelf, tmp_path / "disk", {"2015/01/0.json.gz": large_archive(0, 60_000)})
    disk = {**on_disk(one.folder, "undone"), "LOSE_STATE": str(tmp_path / "state")}
    killed(one.words, **{**disk, "LOSE": "kept"}, DIE_ON="rename *.json.gz.part done")
    assert ended(one.words, **disk, LOSE_AT_EXIT="1") == 0
    assert one.fetched() == 0


@pytest.mark.parametrize(
    ("way", "step"),
    [
        ("kept", "rename *.gz.part done"),
        ("lost", "fsync */job done"),
        ("undone", "COMMIT done"),
        pytest.param("kept", "COMMIT", marks=pytest.mark.slow),
        pytest.param("lost", "COMMIT done", marks=pytest.mark.slow),
        pytest.param("mixed", "rename *.gz.part done", marks=pytest.mark.slow),
    ],
)
def test_another_version_is_never_taken_for_the_one_that_it_replaces(
    shelf: Shelf, tmp_path: Path, way: str, step: str
) -> None:
    names = [f"{n}.json.gz" for n in range(3)]
    for version in range(2):
        files = {name: large_archive(10 * version + n, 60_000) for n, name in enumerate(names)}
        archive = Archive(shelf, tmp_path / "disk", files)
        links = (
            f"{link}#md5:{md5(data).hexdigest()}"
            for link, data in zip(archive.words[-3:], files.values(), strict=True)
        )
        archive.words = (*archive.words[:-3], *links)
        if not version:
            assert ended(archive.words) == 0
    archive.cut(way, DIE_AFTER="rename *.gz.part done", DIE_ON=step)
    with Ledger(archive.job.parent / ".backhaul", readonly=True) as ledger:
        rows = [row for row in ledger.inventory.files(1) if row.state == "verified"]
    for row in rows:
        assert sha256((archive.job / row.name).read_bytes()).hexdigest() == row.sha256
    archive.fetched()


def test_a_large_file_is_resumed_from_what_was_marked(large: Archive) -> None:
    large.cut("lost", **MARKED)
    assert large.fetched() < 8 * MB


@pytest.mark.parametrize(
    "way", ["zeros", *(pytest.param(way, marks=pytest.mark.slow) for way in ("short", "mixed"))]
)
def test_unsynced_bytes_never_get_into_a_file(large: Archive, way: str) -> None:
    large.cut(way, DIE_AFTER="rename *.part.json.part done", DIE_ON="pwrite *.part done")
    large.fetched()


# -- a queue, which gives its data once -----------------------------------------------------------


@pytest.fixture
def queue() -> Iterator[Emulator]:
    with emulator("datasift-historics", interactions=300, step=None, waiting=1) as running:
        yield running


@pytest.mark.parametrize(
    ("way", "steps"),
    [
        ("zeros", {"DIE_AFTER": "pwrite *.gz.part done", "DIE_ON": "COMMIT done"}),
        ("undone", {"DIE_AFTER": "pwrite *.gz.part done", "DIE_ON": "COMMIT done"}),
        ("lost", {"DIE_AFTER": "COMMIT done", "DIE_ON": "fdatasync *.part"}),
        ("lost", {"DIE_ON": "rename *.gz.part done"}),
        ("undone", RECORDED),
    ],
    ids=["content", "name", "position", "piece", "piece's name"],
)
def test_data_acknowledged_to_a_queue_is_present(
    queue: Emulator, tmp_path: Path, way: str, steps: dict[str, str]
) -> None:
    path = config(tmp_path / "disk", queue)
    killed(command(path), **on_disk(path.parent, way), **steps)
    assert run(path).code == 0
    assert stored(path.parent) == delivered(queue)


def test_a_piece_left_without_a_row_by_a_kill_is_durable_before_it_gets_one(
    queue: Emulator, tmp_path: Path
) -> None:
    path = config(tmp_path / "disk", queue)
    disk = {**on_disk(path.parent, "undone"), "LOSE_STATE": str(tmp_path / "state")}
    killed(command(path), **{**disk, "LOSE": "kept"}, DIE_ON="rename *.gz.part done")
    killed(command(path), **disk, DIE_AFTER="syncfs *", DIE_ON="COMMIT done")
    assert run(path).code == 0
    assert stored(path.parent) == delivered(queue)


# -- a disk that fails a sync: the next one succeeds, and what was to be written is lost -----------


@pytest.mark.parametrize(
    ("size", "step"),
    [
        ("few", "fsync *.gz.part"),
        ("many", "syncfs *"),
        pytest.param("few", "fsync */01", marks=pytest.mark.slow),
        pytest.param("large", "fdatasync *.gz.part", marks=pytest.mark.slow),
        pytest.param("large", "fdatasync *.part.json.part", marks=pytest.mark.slow),
    ],
)
def test_data_whose_sync_failed_is_not_trusted_again(
    request: pytest.FixtureRequest, tmp_path: Path, size: str, step: str
) -> None:
    archive: Archive = request.getfixturevalue(size)
    disk = {**on_disk(archive.folder, "lost"), "LOSE_STATE": str(tmp_path / "state")}
    assert ended(archive.words, **disk, FAIL_SYNC=step) == 9
    recorded = done(archive.job.parent)  # by a busy machine, in a batch before the one that fails
    assert recorded == set() or (size == "many" and recorded < set(archive.files))
    assert size == "large" or list(archive.job.rglob("*.part")) == []
    assert ended(archive.words, **disk, LOSE_AT_EXIT="1") == 0
    archive.fetched()


def test_a_large_file_whose_last_sync_fails_is_fetched_again(
    large: Archive, tmp_path: Path
) -> None:
    disk = {**on_disk(large.folder, "lost"), "LOSE_STATE": str(tmp_path / "state")}
    # The first sync records progress; after the second, nothing more may be recorded.
    step = "fdatasync *.gz.part"
    assert ended(large.words, **disk, FAIL_SYNC=step, FAIL_AFTER=f"{step} done") == 9
    assert ended(large.words, **disk, LOSE_AT_EXIT="1") == 0
    large.fetched()


@pytest.mark.parametrize(
    "step",
    ["fdatasync *.gz.part", pytest.param("fsync */harbor-fog", marks=pytest.mark.slow)],
)
def test_a_queue_whose_sync_fails_is_pulled_again(
    queue: Emulator, tmp_path: Path, step: str
) -> None:
    path = config(tmp_path / "disk", queue)
    disk = {**on_disk(path.parent, "lost"), "LOSE_STATE": str(tmp_path / "state")}
    assert ended(command(path), **disk, FAIL_SYNC=step) == 9
    assert ended(command(path), **disk, LOSE_AT_EXIT="1") == 0
    assert run(path).code == 0
    assert stored(path.parent) == delivered(queue)
