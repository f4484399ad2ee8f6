"""Obstacles in an archive, and an archive that is moved: nothing blocks, nothing is written elsewhere."""

import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.listed import Archive, lines, noise
from tests.safety.command import run, write_config
from tests.safety.test_interruptions import start, under_way
from tests.shelf import Shelf
from tests.usual import usual

from backhaul import Http
from backhaul.config import Settings
from backhaul.errors import BackhaulError, DiskError
from backhaul.run.driver import Driver
from backhaul.run.result import JobResult, RunResult
from backhaul.storage.folder import JobFolder
from backhaul.storage.lease import Lease
from backhaul.storage.opening import InTheWayError
from backhaul_gnip_hpt.emulator import GnipHptEmulator

A, B = lines(1), lines(2)
LARGE = noise(1 << 19)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Shelf() as shelf:
        made = Archive(tmp_path, shelf)
        made.gives(a=A, b=B)
        made.lists("a.gz", "b.gz")
        yield made


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the whole path may be too long
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


def device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")


def folder(path: Path) -> None:
    path.mkdir()


def link(path: Path) -> None:
    path.symlink_to(victim(path))


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def victim(path: Path) -> Path:
    """A foreign file."""
    of_the_test = next(folder for folder in path.parents if folder.name.startswith("test_"))
    made = of_the_test / f"victim-{path.name}"
    made.write_bytes(b"V" * 1000)
    return made


Make = Callable[[Path], None]
THINGS = (pipe, listening, device, folder, link, dangling)


def seen(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return stat.S_IFMT(found.st_mode), found.st_ino


def put(path: Path, make: Make) -> tuple[int, int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)
    return seen(path)


def kinds(result: JobResult) -> dict[str | None, str]:
    return {note.file: note.kind.value for note in result.failures}


# -- what is not a file --------------------------------------------------------------------------


@pytest.mark.parametrize("make", THINGS)
@pytest.mark.parametrize("ending", usual([".part", ".part.json", ""], ".part", ""))
@pytest.mark.parametrize("size", usual(["small", "large"], "small"))
def test_an_obstacle_fails_only_the_file_of_the_same_name(
    archive: Archive, make: Make, ending: str, size: str
) -> None:
    if size == "large":
        archive.gives(a=LARGE)
        archive.lists(("a.gz", {"content": "bytes"}), "b.gz")
    before = put(archive.job / f"a.gz{ending}", make)

    result = archive.run()

    assert kinds(result) == {"a.gz": "unsafe_name"}
    assert archive.here("b.gz") == B
    assert seen(archive.job / f"a.gz{ending}") == before
    assert not (archive.job / "nowhere").exists()


@pytest.mark.parametrize("make", THINGS)
@pytest.mark.parametrize("name", ["MANIFEST.jsonl", "MANIFEST.jsonl.part", "SHA256SUMS"])
def test_an_obstacle_to_the_manifest_is_not_written_to(
    archive: Archive, make: Make, name: str
) -> None:
    before = put(archive.job / name, make)

    result = archive.run()

    assert (result.exit_code, kinds(result)) == (9, {None: "disk"})
    assert (archive.here("a.gz"), archive.here("b.gz")) == (A, B)
    assert seen(archive.job / name) == before


@pytest.mark.parametrize("make", THINGS)
@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal", "leases/job"])
def test_an_obstacle_to_the_ledger_or_lease_is_refused(
    archive: Archive, make: Make, name: str
) -> None:
    before = put(archive.dest / ".backhaul" / name, make)

    result = archive.run()

    assert (result.exit_code, kinds(result)) == (9, {None: "disk"})
    assert archive.asked == []
    assert seen(archive.dest / ".backhaul" / name) == before
    assert not list(archive.dest.rglob("nowhere"))
    if name.startswith("ledger"):
        with pytest.raises(DiskError):
            archive.plan()


@pytest.mark.parametrize("make", THINGS)
def test_offline_commands_do_not_open_what_is_not_a_file(archive: Archive, make: Make) -> None:
    archive.run()
    (archive.job / "a.gz").unlink()
    before = put(archive.job / "a.gz", make)

    assert archive.states()["a.gz"] != "verified"
    archive.slots()
    assert archive.plan().files == 1
    checked = archive.verify()
    assert {problem.file for problem in checked.problems} == {"a.gz"}
    assert checked.checked == 1, "what is not a file is not read"
    archive.rebuild()
    assert list(archive.rows()) == ["b.gz"]
    assert seen(archive.job / "a.gz") == before


# -- links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [A, LARGE], ids=["small", "large"])
def test_a_hard_linked_part_is_recreated_and_its_target_is_unchanged(
    archive: Archive, data: bytes
) -> None:
    archive.gives(a=data)
    archive.lists(("a.gz", {"content": "bytes"}))
    other = victim(archive.dest / "x")
    archive.job.mkdir(parents=True)
    for ending in (".part", ".part.json", ".part.json.part"):
        (archive.job / f"a.gz{ending}").hardlink_to(other)

    result = archive.run()

    assert kinds(result) == {}
    assert archive.here("a.gz") == data
    assert other.read_bytes() == b"V" * 1000


def test_a_linked_part_is_never_written_to(tmp_path: Path) -> None:
    other = victim(tmp_path / "job" / "x")
    folder = JobFolder(tmp_path / "job")
    (tmp_path / "job/x.part").hardlink_to(other)
    assert folder.part_size("x") == 0
    with pytest.raises(InTheWayError):
        folder.open_part("x")
    os.close(folder.new_part("x"))
    assert other.read_bytes() == b"V" * 1000
    folder.close()


def test_a_copy_made_of_hard_links_never_changes(archive: Archive) -> None:
    archive.run()
    copy = archive.folder / "copy"
    for path in [each for each in archive.dest.rglob("*") if each.is_file()]:
        (copy / path.relative_to(archive.dest)).parent.mkdir(parents=True, exist_ok=True)
        (copy / path.relative_to(archive.dest)).hardlink_to(path)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}

    newer = lines(3, 300)
    archive.gives(a=newer)
    archive.lists(("a.gz", {"size": len(newer)}), "b.gz")
    refused = archive.run()
    assert (refused.exit_code, kinds(refused)) == (9, {None: "disk"})
    assert archive.states() == {"a.gz": "verified", "b.gz": "verified"}, "looking needs no writing"
    ledger = archive.dest / ".backhaul/ledger.sqlite"
    data = ledger.read_bytes()
    ledger.unlink()
    ledger.write_bytes(data)

    result = archive.run()

    assert (result.exit_code, result.files.replaced) == (0, 1)
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"])
def test_a_ledger_that_is_a_hard_link_is_not_written_to(archive: Archive, name: str) -> None:
    other = victim(archive.dest / "x")
    (archive.dest / ".backhaul").mkdir(parents=True)
    (archive.dest / ".backhaul" / name).hardlink_to(other)

    result = archive.run()

    assert (result.exit_code, kinds(result)) == (9, {None: "disk"})
    assert other.read_bytes() == b"V" * 1000


def test_a_linked_lease_is_held_for_one_archive_only(tmp_path: Path) -> None:
    Lease(tmp_path / "one" / ".backhaul", "job").release()
    leases = tmp_path / "two/.backhaul/leases"
    leases.mkdir(parents=True)
    (leases / "job").hardlink_to(tmp_path / "one/.backhaul/leases/job")

    first, second = (
        Lease(tmp_path / "two" / ".backhaul", "job"),
        Lease(tmp_path / "one" / ".backhaul", "job"),
    )

    for dest in ("one", "two"):
        with pytest.raises(BackhaulError):
            Lease(tmp_path / dest / ".backhaul", "job")
    first.release()
    second.release()


def test_nothing_is_written_through_a_folder_that_is_a_link(archive: Archive) -> None:
    outside = archive.folder / "outside"
    outside.mkdir()
    archive.job.mkdir(parents=True)
    (archive.job / "sub").symlink_to(outside)
    for name in ("sub/a.gz", "sub/deep/a.gz", "sub/l.gz", "other/a.gz"):
        archive.shelf.storage.put(name, LARGE if name == "sub/l.gz" else A)
    archive.lists(
        "sub/a.gz", "sub/deep/a.gz", ("sub/l.gz", {"content": "bytes"}), "other/a.gz", "b.gz"
    )

    result = archive.run()

    failed = ("sub/a.gz", "sub/deep/a.gz", "sub/l.gz")
    assert kinds(result) == dict.fromkeys(failed, "unsafe_name")
    assert (archive.here("other/a.gz"), archive.here("b.gz")) == (A, B)
    assert not list(outside.iterdir())


@pytest.mark.parametrize("place", ["dest", "job"])
def test_dest_or_the_jobs_folder_may_be_a_link_from_the_start(archive: Archive, place: str) -> None:
    outside = archive.folder / "outside"
    outside.mkdir()
    archive.dest.parent.mkdir(exist_ok=True)
    if place == "job":
        archive.dest.mkdir()
    (archive.dest if place == "dest" else archive.job).symlink_to(outside)

    assert archive.run().exit_code == 0
    assert archive.run().exit_code == 0
    assert len(list(outside.rglob("*.gz"))) == 2
    assert (archive.job / "SHA256SUMS").exists()


# -- what is moved while a run has it open -------------------------------------------------------


def renamed(archive: Archive) -> None:
    archive.dest.rename(archive.folder / "old")


def link_for_dest(archive: Archive) -> None:
    renamed(archive)
    (archive.folder / "new/job").mkdir(parents=True)
    archive.dest.symlink_to(archive.folder / "new")


def folder_for_dest(archive: Archive) -> None:
    renamed(archive)
    archive.job.mkdir(parents=True)


def link_for_job(archive: Archive) -> None:
    archive.job.rename(archive.folder / "old")
    (archive.folder / "new").mkdir()
    archive.job.symlink_to(archive.folder / "new")


def folder_for_job(archive: Archive) -> None:
    archive.job.rename(archive.folder / "old")
    archive.job.mkdir()


def job_removed(archive: Archive) -> None:
    for path in archive.job.iterdir():
        path.unlink()
    archive.job.rmdir()


def ledger_removed(archive: Archive) -> None:
    for path in (archive.dest / ".backhaul").glob("ledger*"):
        path.unlink()


def ledger_replaced(archive: Archive) -> None:
    ledger = archive.dest / ".backhaul/ledger.sqlite"
    data = ledger.read_bytes()
    ledger.unlink()
    ledger.write_bytes(data)


def run_with(archive: Archive, change: Callable[[Archive], None], *, last: str) -> RunResult:
    """Makes a change once a.gz is present; only then the last file arrives, if there is one."""
    done = []

    def tick(driver: Driver) -> None:
        if not done and archive.here("a.gz") == A:
            change(archive)
            done.append(driver)
            archive.shelf.faults.replace("")

    driver = archive.driver()
    driver._on_tick = tick
    archive.shelf.faults.replace(f"slow=400:all@*{last}" if last else "")
    result = driver.run()
    assert done
    return result


@pytest.mark.parametrize(
    "change",
    usual(
        [
            renamed,
            link_for_dest,
            folder_for_dest,
            link_for_job,
            folder_for_job,
            job_removed,
            ledger_removed,
            ledger_replaced,
        ],
        renamed,
        link_for_dest,
        folder_for_job,
        ledger_replaced,
    ),
)
def test_a_folder_moved_during_a_run_ends_the_job_with_9_and_nothing_is_written_elsewhere(
    archive: Archive, change: Callable[[Archive], None]
) -> None:
    archive.gives(b=lines(2, 300))

    (result,) = run_with(archive, change, last="b.gz").jobs

    assert (result.exit_code, kinds(result)) == (9, {None: "disk"})
    assert str(result.state) != "complete"
    there = {path.name for path in archive.job.iterdir()} if archive.job.is_dir() else set()
    assert not there & {"MANIFEST.jsonl", "SHA256SUMS", "datapackage.json"}
    assert not list(archive.folder.rglob("b.gz")), "nor is anything published where it was before"


def test_a_job_whose_folder_is_moved_does_not_stop_the_others(archive: Archive) -> None:
    archive.gives(b=lines(2, 300))
    one = archive.driver()
    first = one.all_jobs[0].spec
    driver = Driver(
        [first, replace(first, name="other")],
        Settings(durable=False, retries=0),
        load=lambda _: archive.provider,
        make_http=lambda _, stop: Http(stop=stop),
        on_tick=lambda _: _swap(archive),
    )
    archive.shelf.faults.replace("slow=400:all@*b.gz")

    moved, other = driver.run().jobs

    assert (moved.exit_code, kinds(moved)) == (9, {None: "disk"})
    assert (other.exit_code, other.files.verified) == (0, 2)


def _swap(archive: Archive) -> None:
    if archive.here("a.gz") == A and not (archive.folder / "old").exists():
        link_for_job(archive)
        archive.shelf.faults.replace("")


def test_a_subfolder_replaced_by_a_link_during_a_run_costs_only_its_files(
    archive: Archive,
) -> None:
    outside = archive.folder / "outside"
    outside.mkdir()
    archive.shelf.storage.put("sub/b.gz", lines(2, 300))
    archive.shelf.storage.put("sub/c.gz", B)
    archive.lists("sub/c.gz", "a.gz", "sub/b.gz", "b.gz")

    def change(archive: Archive) -> None:
        (archive.job / "sub").rename(archive.folder / "old")
        (archive.job / "sub").symlink_to(outside)

    (result,) = run_with(archive, change, last="sub/b.gz").jobs

    assert kinds(result) == {"sub/b.gz": "unsafe_name"}
    assert archive.here("b.gz") == B
    assert not list(outside.iterdir())


# -- Ctrl-C --------------------------------------------------------------------------------------


def test_a_signal_ends_a_run_that_found_pipes(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=60, silent=0.0) as emulator:
        config = write_config(tmp_path, emulator)
        assert run(config).code == 0
        job = tmp_path / "archive/worldcup"
        files = sorted(job.glob("*.gz"))
        for path in files:
            path.unlink()
        for path, ending in zip(files, ("", ".part", ".part.json"), strict=False):
            pipe(path.with_name(f"{path.name}{ending}"))
        emulator.faults.replace("slow=3000:all")
        emulator.requests.clear()
        process = start(config)
        under_way(emulator, 3)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 130
