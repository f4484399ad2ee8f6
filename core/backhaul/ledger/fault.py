"""Errors that name the ledger's path and a way to fix the problem."""

import os
import sqlite3
from pathlib import Path

from backhaul.errors import BackhaulError, DiskError, ExitCode, FailureKind, LockedError

# Exceptions that sqlite3 raises for a damaged file; not only DatabaseError.
SQLITE_ERRORS = (sqlite3.Error, OverflowError, MemoryError, UnicodeError)
_DISK = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_LONGEST = 200  # characters quoted of SQLite's message, which may contain data


class LedgerError(BackhaulError):
    """The ledger is damaged or was written by a newer backhaul."""

    exit_code = ExitCode.DISK
    kind = FailureKind.DISK


class NewerLedgerError(LedgerError):
    """The ledger was written by a newer backhaul."""


class UnsoundError(ValueError):
    """A row holds data that backhaul never writes; the message describes it."""


def damaged(path: Path, what: object) -> LedgerError:
    """The error for a damaged ledger."""
    text = str(what).encode("ascii", "backslashreplace").decode()[:_LONGEST]
    return LedgerError(
        f"{path}: the ledger is damaged ({text}): run `backhaul verify --rebuild` with the YAML file"
        " to restore what is readable and matches the files on disk"
    )


def explain(error: Exception, path: Path) -> BackhaulError:
    """Converts an SQLite exception to a user-facing error."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(_BUSY):
        return LockedError(f"{path}: locked by another program")
    # A damaged header can make SQLite treat a writable file as read-only.
    header = name.startswith("SQLITE_READONLY") and os.access(path, os.W_OK)
    if name.startswith(_DISK) and not header:
        return DiskError(f"{path}: {error}")
    return damaged(path, str(error) or type(error).__name__)


def is_busy(error: Exception) -> bool:
    """Whether another program holds the lock at the moment."""
    return getattr(error, "sqlite_errorname", "").startswith(_BUSY)
