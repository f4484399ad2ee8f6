"""What can be wrong with a ledger, put into words that name the file and the way out."""

import os
import sqlite3
from pathlib import Path

from backhaul.errors import BackhaulError, DiskError, ExitCode, FailureKind, LockedError

# What SQLite raises where a file is damaged: by no means only DatabaseError.
SQLITE_ERRORS = (sqlite3.Error, OverflowError, MemoryError, UnicodeError)
_DISK = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_LONGEST = 200  # characters of what SQLite says; it may quote what it found


class LedgerError(BackhaulError):
    """The ledger cannot be used: damaged, or written by a newer backhaul."""

    exit_code = ExitCode.DISK
    kind = FailureKind.DISK


class NewerLedgerError(LedgerError):
    """It was written by a newer backhaul."""


class UnsoundError(ValueError):
    """A row holds what backhaul never writes: the message says which and where."""


def damaged(path: Path, what: object) -> LedgerError:
    """The error for a ledger that holds something wrong."""
    said = str(what).encode("ascii", "backslashreplace").decode()[:_LONGEST]
    return LedgerError(
        f"{path}: the ledger is damaged ({said}): run `backhaul verify --rebuild` with the YAML file;"
        " it keeps what can be read and agrees with the files on disk"
    )


def explain(error: Exception, path: Path) -> BackhaulError:
    """What SQLite raised, as the error that a person sees."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(_BUSY):
        return LockedError(f"{path}: another program holds it")
    # A damaged header makes SQLite take a file for read-only that is not.
    header = name.startswith("SQLITE_READONLY") and os.access(path, os.W_OK)
    if name.startswith(_DISK) and not header:
        return DiskError(f"{path}: {error}")
    return damaged(path, str(error) or type(error).__name__)


def is_busy(error: Exception) -> bool:
    """Whether another program holds the ledger just now."""
    return getattr(error, "sqlite_errorname", "").startswith(_BUSY)
