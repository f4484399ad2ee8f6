"""The ledger's tables and how older ledgers become the present one."""

import sqlite3
from contextlib import closing
from functools import cache
from typing import Any

VERSION = 3

# Times are unix seconds, periods half-open. `key` is what two names share that cannot lie side by
# side on every file system. `state` of a file is a SlotState. No URL's query ever gets in here.
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

# `proof` is a types.Proof of the bytes with that sha256, NULL where there never were any. Older
# ledgers did not keep it: what their rows show still is entered. A suspect file's message says why;
# older ledgers had others. `version` is what the listing said of the content. `fingerprint` is the
# job's identity at the provider, NULL until it is known; `doubt` is why it is not known which of
# the job's slots are silent, '' when the list was read whole and agrees with itself. `refused` is when
# the provider last refused to say anything of the job or could not be reached, NULL when it has
# answered since, and `refusal` is the failure's kind and message. `seal` is a checksum
# of a job's row, of a place in a queue, and of what was proven of a file, `listed_seal` of what the
# provider says of it: damage to these values shows in no other way. NULL in older rows.
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

# MIGRATIONS[n] takes a ledger of version n to n + 1. Each changes a table: by that a newer ledger is
# told from one whose version is damaged.
MIGRATIONS: dict[int, str] = {0: _V1, 1: _V2, 2: _V3}


def migrate(db: sqlite3.Connection) -> int:
    """Brings the ledger to the present version; says which version it had. Raises sqlite3.Error."""
    first = _version(db)
    while 0 <= _version(db) < VERSION:
        db.execute("BEGIN IMMEDIATE")
        try:
            found = _version(db)  # another process may have been quicker
            for statement in MIGRATIONS[found].split(";") if found < VERSION else ():
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {min(found + 1, VERSION)}")
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    return first


def _version(db: sqlite3.Connection) -> int:
    (found,) = db.execute("PRAGMA user_version").fetchone()
    return int(found)


def columns(table: str) -> dict[str, str]:
    """The names of a table's columns in their order, each with its type."""
    infos = _expected()[table][0]
    return {name: kind for _, name, kind, *_ in infos}


def differs(db: sqlite3.Connection) -> str:
    """Where the tables are not those of the present version; '' when they are. Raises sqlite3.Error."""
    found = _tables(db)
    for table, columns in _expected().items():
        if found.get(table) != columns:
            return f"the table {table} is not as backhaul makes it"
    return ""


@cache
def _expected() -> dict[str, list[Any]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db)
        return _tables(db)


def _tables(db: sqlite3.Connection) -> dict[str, list[Any]]:
    """Each table's columns, and which of them are unique together."""
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
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
        for name in names
    }
