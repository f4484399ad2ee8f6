"""Copies one job between two ledgers of the current version, unchanged."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from backhaul.ledger.database import ledger_path
from backhaul.ledger.fault import SQLITE_ERRORS, explain
from backhaul.ledger.rows import JOB_COLUMNS, job_seal

_PATIENCE: Final = 30.0  # seconds that another program may hold the target's lock
_OWN: Final = frozenset({"id", "job"})


def transplant(job: str, *, source: Path, target: Path) -> None:
    """Copies a job from another ledger, replacing one of that name; without hosts and facts.

    Args:
        job: its name.
        source: the other ledger's workspace.
        target: the ledger's workspace.

    Raises LedgerError, LockedError, DiskError.
    """
    path = ledger_path(target)
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE)) as db:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("ATTACH ? AS source", (str(ledger_path(source)),))
            db.execute("BEGIN IMMEDIATE")
            _replace(db, job)
            db.execute("COMMIT")
    except SQLITE_ERRORS as error:
        raise explain(error, path) from None


def _replace(db: sqlite3.Connection, job: str) -> None:
    db.execute("DELETE FROM main.jobs WHERE name = ?", (job,))
    columns = _columns(db, "jobs")
    number = db.execute(
        f"INSERT INTO main.jobs ({columns}) SELECT {columns} FROM source.jobs WHERE name = ?",
        (job,),
    ).lastrowid
    row = db.execute(f"SELECT {JOB_COLUMNS} FROM main.jobs WHERE name = ?", (job,)).fetchone()
    if row is None:
        return
    db.execute("UPDATE main.jobs SET seal = ? WHERE id = ?", (job_seal(row), number))
    for table in ("files", "streams"):
        columns = _columns(db, table)
        db.execute(
            f"INSERT INTO main.{table} (job, {columns}) SELECT ?, {columns} FROM source.{table}"
            " WHERE job = (SELECT id FROM source.jobs WHERE name = ?)",
            (number, job),
        )


def _columns(db: sqlite3.Connection, table: str) -> str:
    names = (name for _, name, *_ in db.execute(f"PRAGMA main.table_info({table})"))
    return ", ".join(f'"{name}"' for name in names if name not in _OWN)
