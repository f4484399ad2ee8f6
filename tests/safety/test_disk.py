"""A disk that is full, too small for a file, or not writable."""

import gzip
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.core.transfer.test_large_files import provider
from tests.one_job import one_job
from tests.safety.command import published, run, write_config
from tests.safety.small_disk import ThinDisk, mounted
from tests.shelf import Shelf, large_archive

from backhaul_gnip_hpt.emulator import GnipHptEmulator

SMALL = "1200k"
MB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on its own file system."""
    with mounted(tmp_path / "disk", SMALL) as folder:
        yield folder


def remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(folder)], check=True)


@pytest.fixture
def emulator() -> Iterator[GnipHptEmulator]:
    with GnipHptEmulator(slots=12, silent=0.0, activities=900) as running:
        yield running


def assert_whole(dest: Path) -> None:
    for name in published(dest):
        gzip.decompress((dest / name).read_bytes())


def test_a_full_disk_ends_with_9_and_the_next_run_continues(
    small_disk: Path, emulator: GnipHptEmulator
) -> None:
    config = write_config(small_disk, emulator)
    ran = run(config)
    assert (ran.code, "Traceback" in ran.err) == (9, False), ran.err
    assert "No space left" in ran.err or "full" in ran.err
    dest = small_disk / "archive"
    assert_whole(dest)
    here = set(published(dest))
    assert len(here) < 12
    remount(small_disk, "size=64m")
    emulator.requests.clear()
    assert run(config).code == 0
    assert len(published(dest)) == 12
    assert_whole(dest)


def test_a_read_only_disk_is_9(small_disk: Path, emulator: GnipHptEmulator) -> None:
    config = write_config(small_disk, emulator)
    remount(small_disk, "ro")
    ran = run(config)
    remount(small_disk, "rw")
    assert (ran.code, "Traceback" in ran.err) == (9, False)


def test_too_little_space_is_reported_before_anything_is_fetched(
    small_disk: Path, emulator: GnipHptEmulator
) -> None:
    ran = run(write_config(small_disk, emulator, settings={"min_free_space": "1G"}))
    assert (ran.code, ran.kinds) == (9, {"disk"})
    assert emulator.requests.at("storage") == []


@pytest.fixture
def thin(tmp_path: Path) -> Iterator[ThinDisk]:
    disk = ThinDisk(tmp_path / "thin", room=18 * MB, size=96 * MB)
    yield disk
    disk.close()


def test_data_that_a_thin_provisioned_disk_lost_is_fetched_again(thin: ThinDisk) -> None:
    data = large_archive(1, 20 * MB)
    dest = thin.path / "archive"
    with Shelf() as shelf:
        shelf.storage.put("large.json.gz", data)
        assert one_job(provider(shelf, "large.json.gz"), dest).run().exit_code == 9
        thin.grow()
        assert one_job(provider(shelf, "large.json.gz"), dest).run().exit_code == 0
        thin.read_again()
        assert (dest / "job/large.json.gz").read_bytes() == data
        assert one_job(provider(shelf, "large.json.gz"), dest).run().jobs[0].files.fetched == 0


def limited(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_file_size_limit_ends_with_9_and_damages_nothing(
    tmp_path: Path, emulator: GnipHptEmulator
) -> None:
    config = write_config(tmp_path, emulator)
    command = "import sys; from backhaul.cli.main import main; sys.exit(main())"
    ran = subprocess.run(
        [sys.executable, "-c", command, "run", str(config)],
        preexec_fn=limited(100_000),
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, b"Traceback" in ran.stderr) == (9, False), ran.stderr
    small = published(tmp_path / "archive")
    assert run(config).code == 0
    assert_whole(tmp_path / "archive")
    assert small.items() < published(tmp_path / "archive").items(), "what came before was whole"
