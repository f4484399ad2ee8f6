"""The ledger's schema and its migrations."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from functools import cache
from typing import Any

VERSION = 4

# Times are Unix seconds, periods half-open. `key` is equal for names that collide on some file
# systems. `state` of a file is a SlotState. URL queries are never stored.
_V1 = """
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL,
  provider TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending',
  percent REAL,
  message TEXT NOT NULL DEFAULT '',
  expires INTEGER,
  total_files INTEGER, total_records INTEGER, total_bytes INTEGER,
  slots TEXT NOT NULL DEFAULT '[]',
  warnings TEXT NOT NULL DEFAULT '[]',
  problems TEXT NOT NULL DEFAULT '[]',
  asked INTEGER,
  listed INTEGER,
  rate REAL
);
CREATE TABLE files (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  kind TEXT,
  message TEXT,
  start INTEGER, "end" INTEGER,
  content TEXT NOT NULL,
  footer_lines INTEGER NOT NULL DEFAULT 0,
  flags INTEGER NOT NULL DEFAULT 0,
  listed_size INTEGER,
  listed_records INTEGER,
  checksum TEXT,
  meta TEXT,
  size INTEGER,
  sha256 TEXT,
  records INTEGER,
  validator TEXT,
  fetched INTEGER,
  origin TEXT,
  UNIQUE (job, key)
);
CREATE TABLE streams (
  job INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  cursor TEXT,
  piece INTEGER NOT NULL DEFAULT 1,
  length INTEGER NOT NULL DEFAULT 0,
  records INTEGER NOT NULL DEFAULT 0,
  done INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (job, name)
) WITHOUT ROWID;
CREATE TABLE hosts (
  origin TEXT PRIMARY KEY,
  connections INTEGER NOT NULL,
  seen INTEGER NOT NULL
) WITHOUT ROWID;
"""
_V2 = """
CREATE TABLE facts (
  job INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (job, name)
) WITHOUT ROWID;
"""

# `proof` is a types.Proof of the bytes with that sha256, NULL if there never were any; the migration
# sets what older rows can still show. A suspect file's message says why; older ledgers stored other
# messages. `version` is the listed version of the content. `fingerprint` is the job's identity at the
# provider, NULL until known. `doubt` is why silent slots cannot be determined, '' if the listing is
# complete and consistent. `refused` is when the provider last refused or could not be reached, NULL
# once it has answered again; `refusal` is that failure's kind and message. `seal` is a checksum of a
# job's row, of a queue's position, and of a file's verified properties; `listed_seal` of its listed
# properties: damage to these values would otherwise go unnoticed. NULL in older rows.
_V3 = """
ALTER TABLE files ADD COLUMN proof INTEGER;
ALTER TABLE files ADD COLUMN version TEXT;
ALTER TABLE files ADD COLUMN seal INTEGER;
ALTER TABLE files ADD COLUMN listed_seal INTEGER;
ALTER TABLE streams ADD COLUMN seal INTEGER;
ALTER TABLE jobs ADD COLUMN fingerprint TEXT;
ALTER TABLE jobs ADD COLUMN doubt TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN seal INTEGER;
ALTER TABLE jobs ADD COLUMN refused INTEGER;
ALTER TABLE jobs ADD COLUMN refusal TEXT NOT NULL DEFAULT '["", ""]';
DELETE FROM facts;
UPDATE files SET proof =
  (listed_size IS NOT NULL AND listed_size = size) * 2
  + (content IN ('jsonl.gz', 'gz', 'json', 'xml')) * 4
  + (checksum IS NOT NULL) * 64
  WHERE state IN ('verified', 'suspect');
UPDATE files SET message = NULL WHERE state = 'suspect';
UPDATE files SET state = 'lost' WHERE kind = 'lost'
"""

# `etag` is what an object store said of a file's content when it was published; NULL in a folder.
_V4 = """
ALTER TABLE files ADD COLUMN etag TEXT
"""

# MIGRATIONS[n] upgrades version n to n + 1. Each must change a table: that distinguishes a newer
# ledger from one with a damaged version number.
MIGRATIONS: dict[int, str] = {0: _V1, 1: _V2, 2: _V3, 3: _V4}


def migrate(db: sqlite3.Connection) -> int:
    """Upgrades the ledger to the current version; returns its old version. Raises sqlite3.Error."""
    first = _version(db)
    while 0 <= _version(db) < VERSION:
        db.execute("BEGIN IMMEDIATE")
        try:
            found = _version(db)  # another process may have upgraded it first
            if found < VERSION:
                statements, reached = _upgrade(db, found)
                for statement in statements:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {reached}")
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    return first


def _upgrade(db: sqlite3.Connection, found: int) -> tuple[Iterable[str], int]:
    """Statements for a ledger of this version, and the version that they lead to."""
    is_new = found == 0 and not _names(db)
    return (_current()[1], VERSION) if is_new else (MIGRATIONS[found].split(";"), found + 1)


def _version(db: sqlite3.Connection) -> int:
    (found,) = db.execute("PRAGMA user_version").fetchone()
    return int(found)


def columns(table: str) -> dict[str, str]:
    """A table's column names in order, with their types."""
    infos = _current()[0][table][0]
    return {name: kind for _, name, kind, *_ in infos}


def differs(db: sqlite3.Connection) -> str:
    """Describes how the tables differ from the current schema; '' if equal. Raises sqlite3.Error."""
    found = _tables(db)
    for table, columns in _current()[0].items():
        if found.get(table) != columns:
            return f"schema of table {table} differs"
    return ""


@cache
def _current() -> tuple[dict[str, list[Any]], list[str]]:
    """The tables that all migrations lead to, and the statements that create them at once."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for version in range(VERSION):
            for statement in MIGRATIONS[version].split(";"):
                db.execute(statement)
        created = db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
        return _tables(db), [text for (text,) in created]


def _tables(db: sqlite3.Connection) -> dict[str, list[Any]]:
    """Each table's columns and unique constraints."""
    return {
        name: [
            db.execute("SELECT * FROM pragma_table_info(?)", (name,)).fetchall(),
            db.execute(
                "SELECT i.origin, c.seqno, c.name FROM pragma_index_list(?) AS i,"
                " pragma_index_info(i.name) AS c WHERE i.origin IN ('u', 'pk') ORDER BY 1, 2, 3",
                (name,),
            ).fetchall(),
            db.execute("SELECT * FROM pragma_foreign_key_list(?)", (name,)).fetchall(),
        ]
        for name in _names(db)
    }


def _names(db: sqlite3.Connection) -> list[str]:
    found = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return [name for (name,) in found]
