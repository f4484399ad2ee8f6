"""An archive on read-only media: all read-only commands work."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.safety.command import call, run, write_config
from tests.safety.small_disk import mounted

from backhaul_gnip_hpt.emulator import GnipHptEmulator


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A configuration, and the file system of its archive, which is now read-only."""
    with mounted(tmp_path / "disk", "32M") as disk, GnipHptEmulator(slots=6) as emulator:
        config = write_config(tmp_path, emulator, settings={"dest": str(disk / "archive")})
        assert run(config).code == 0
        remount(disk, "ro")
        yield config, disk


LOOKS = [
    ("status", "--offline", "--json"),
    ("files", "--json"),
    ("gaps", "--json"),
    ("verify", "--json"),
    ("watch", "--once"),
]


@pytest.mark.parametrize("words", LOOKS, ids=[words[0] for words in LOOKS])
def test_read_only_commands_work(archive: tuple[Path, Path], words: tuple[str, ...]) -> None:
    ran = call(words[0], archive[0], *words[1:])
    assert ran.code == 0, ran.err


def test_a_report_and_a_roll_up_to_another_folder_work(
    archive: tuple[Path, Path], tmp_path: Path
) -> None:
    config, _ = archive
    assert call("report", config, "-o", tmp_path / "r.html").code == 0
    rolled = call("rollup", config, "--to", "day", "-o", tmp_path / "out", "--json")
    assert rolled.code == 0, rolled.err
    assert list((tmp_path / "out").rglob("*.jsonl.gz"))


def test_commands_that_must_write_fail_with_9(archive: tuple[Path, Path]) -> None:
    config, _ = archive
    assert run(config).code == 9
    assert call("rollup", config, "--to", "day").code == 9


def test_a_ledger_with_an_older_schema_or_an_unapplied_log_can_be_read(
    archive: tuple[Path, Path],
) -> None:
    config, disk = archive
    remount(disk, "rw")
    path = disk / "archive" / ".backhaul" / "ledger.sqlite"
    keep = sqlite3.connect(path)
    keep.execute("PRAGMA wal_autocheckpoint = 0")
    keep.execute("UPDATE files SET message = 'from the log'")
    keep.commit()
    with sqlite3.connect(path) as reader:  # keeps the log from being removed
        reader.execute("SELECT count(*) FROM files").fetchone()
        keep_as_it_is(path)
    keep.close()
    reader.close()
    path.with_name("ledger.sqlite.kept").replace(path)
    path.with_name("ledger.sqlite-wal.kept").replace(path.with_name("ledger.sqlite-wal"))
    remount(disk, "ro")
    ran = call("files", config, "--json")
    assert ran.code == 0, ran.err
    (job,) = json.loads(ran.out)["jobs"]
    assert {file["message"] for file in job["files"]} == {"from the log"}


def keep_as_it_is(path: Path) -> None:
    """Preserves the ledger and its log as they are while a program has them open."""
    for name in (path.name, f"{path.name}-wal"):
        path.with_name(f"{name}.kept").write_bytes(path.with_name(name).read_bytes())
