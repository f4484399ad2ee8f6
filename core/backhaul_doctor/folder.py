"""Checks the folder of an archive: permissions, free space, and the abilities of its file system.

Everything is tried in a temporary subfolder, which is removed afterwards.
"""

import fcntl
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from backhaul import BackhaulError, ConfigError, ExitCode
from backhaul.commands import Settings, describe, sync_folder, wording, write_file
from backhaul_doctor.finding import Finding

_NETWORK: Final = ("nfs", "cifs", "smb", "9p", "ceph", "gluster", "lustre", "afs", "fuse.sshfs")
_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_SLOW: Final = 2.0  # seconds for syncing one small file
_FEW_FILES: Final = 1000
_LONG: Final = 240  # bytes; names of files may have 230, and ".part.json"


def examine_folder(dest: Path, settings: Settings) -> Iterator[Finding]:
    """Checks the folder, or the folder in which it would be created."""
    subject = str(dest)
    place = next((each for each in (dest, *dest.parents) if os.path.lexists(each)), dest)
    try:
        probe = Path(tempfile.mkdtemp(prefix=".backhaul-doctor-", dir=place))
    except OSError as error:
        what = f"{place} cannot be written: {describe(error, place)}"
        advice = "" if ";" in what else "correct dest, or move away whatever has that name"
        yield Finding.failed("permissions", subject, what, advice, ExitCode.DISK)
        return
    try:
        there = "writable" if place == dest else f"will be created in {place}"
        yield Finding.ok("permissions", subject, there)
        yield from _space(place, subject, settings)
        yield _durability(probe, subject, settings)
        yield from _file_system(probe, place, subject)
    except OSError as error:
        yield Finding.failed(
            "folder", subject, describe(error), "see the system log", ExitCode.DISK
        )
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def _space(place: Path, subject: str, settings: Settings) -> Iterator[Finding]:
    found = os.statvfs(place)
    free, least = found.f_bavail * found.f_frsize, settings.min_free_space
    if free < least:
        yield Finding.failed(
            "space", subject, f"{wording.human(free)} free, less than min_free_space ({wording.human(least)})",
            "free some space, or lower min_free_space", ExitCode.DISK,
        )  # fmt: skip
    else:
        yield Finding.ok("space", subject, f"{wording.human(free)} free")
    if found.f_files and found.f_favail < _FEW_FILES:
        yield Finding.warning(
            "space", subject, f"the file system has only {found.f_favail} free inodes (files)",
            "remove files, or use another file system",
        )  # fmt: skip


def _durability(probe: Path, subject: str, settings: Settings) -> Finding:
    if not settings.durable:
        return Finding.warning(
            "durability", subject, "durable: false: a power failure may lose files that count as verified",
            "remove the setting unless the archive can be fetched again",
        )  # fmt: skip
    kind = file_system(probe)
    if kind in _MEMORY:
        return Finding.warning(
            "durability", subject, f"{kind} is in memory: all files are lost when this machine restarts",
            "use a folder on a disk",
        )  # fmt: skip
    started = time.monotonic()
    try:
        with (probe / "synced").open("wb") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(probe)
    except OSError as error:
        return Finding.failed(
            "durability", subject, f"files cannot be synced: {describe(error)}",
            "use another file system, or set durable: false", ExitCode.DISK,
        )  # fmt: skip
    seconds = time.monotonic() - started
    if seconds > _SLOW:
        return Finding.warning(
            "durability", subject, f"syncing one small file took {seconds:.1f} s",
            "expect slow runs; check whether the disk is busy or failing",
        )  # fmt: skip
    return Finding.ok("durability", subject, f"syncing a file takes {seconds * 1000:.0f} ms")


def _file_system(probe: Path, place: Path, subject: str) -> Iterator[Finding]:
    kind = file_system(place)
    problems = [problem for look in _LOOKS if (problem := look(probe)) is not None]
    for what, advice, code in problems:
        if code:
            yield Finding.failed("file system", subject, what, advice, code)
        else:
            yield Finding.warning("file system", subject, what, advice)
    if kind.startswith(_NETWORK):
        yield Finding.warning(
            "file system", subject, f"{kind} is a network file system: locks may not work across machines",
            "run the jobs of this archive on one machine only",
        )  # fmt: skip
    elif not problems:
        yield Finding.ok(
            "file system", subject, f"{kind or 'the file system'} has all required features"
        )


_Problem = tuple[str, str, ExitCode]


def _case(probe: Path) -> _Problem | None:
    (probe / "Name").touch()
    if not (probe / "nAME").exists():
        return None
    return (
        "names that differ only in case are the same file",
        "names that collide fail as unsafe_name; use another file system if there are any",
        ExitCode.OK,
    )


def _unicode(probe: Path) -> _Problem | None:
    try:
        (probe / "\u00e9").touch()
        alike = (probe / "e\u0301").exists()
    except (OSError, UnicodeError):
        return (
            "non-ASCII names cannot be stored",
            "use a UTF-8 locale and a file system with Unicode names",
            ExitCode.DISK,
        )
    if not alike:
        return None
    return (
        "names that differ only in Unicode normalization are the same file",
        "names that collide fail as unsafe_name",
        ExitCode.OK,
    )


def _long_names(probe: Path) -> _Problem | None:
    try:
        (probe / ("n" * _LONG)).touch()
    except OSError:
        return (
            f"names of {_LONG} bytes cannot be stored",
            "files with such names fail as unsafe_name; use another file system if there are any",
            ExitCode.OK,
        )
    return None


def _hard_links(probe: Path) -> _Problem | None:
    (probe / "one").touch()
    try:
        os.link(probe / "one", probe / "two")
    except OSError:
        return (
            "the file system does not support hard links",
            "nothing to do: runs work without them",
            ExitCode.OK,
        )
    return None


def _renames(probe: Path) -> _Problem | None:
    advice = "use another file system: backhaul publishes files by renaming them"
    (probe / "old").write_bytes(b"old")
    (probe / "new").write_bytes(b"new")
    try:
        (probe / "old").replace(probe / "new")
        write_file(probe / "new", "newer")
    except ConfigError:  # it exists
        return None
    except OSError as error:
        return f"files cannot be renamed: {describe(error)}", advice, ExitCode.DISK
    except BackhaulError as error:
        return f"files cannot be renamed: {error.message}", advice, ExitCode.DISK
    return "renaming replaces existing files even if it must not", advice, ExitCode.DISK


def _locks(probe: Path) -> _Problem | None:
    advice = "use another file system: two runs at once would overwrite each other's files"
    path = probe / "lock"
    try:
        with path.open("wb") as first, path.open("wb") as second:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
    except OSError as error:
        return f"files cannot be locked: {describe(error)}", advice, ExitCode.DISK
    return "locks have no effect", advice, ExitCode.DISK


def _ledger(probe: Path) -> _Problem | None:
    advice = "use a local file system for dest"
    try:
        with closing(sqlite3.connect(probe / "ledger.sqlite", timeout=1)) as db:
            (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
            db.execute("CREATE TABLE t (x)")
    except sqlite3.Error as error:
        return f"SQLite cannot keep the ledger there: {error}", advice, ExitCode.DISK
    if mode != "wal":
        return "SQLite cannot keep a write-ahead log there", advice, ExitCode.DISK
    return None


_LOOKS: Final[tuple[Callable[[Path], _Problem | None], ...]] = (
    _case, _unicode, _long_names, _hard_links, _renames, _locks, _ledger,
)  # fmt: skip


def file_system(place: Path) -> str:
    """The type of a folder's file system, such as ``ext4``; '' if unknown."""
    with suppress(OSError, ValueError):
        device = place.stat().st_dev
        wanted = f"{os.major(device)}:{os.minor(device)}"
        for line in Path("/proc/self/mountinfo").read_text(errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            if before.split()[2] == wanted:
                return after.split()[0]
    return ""
