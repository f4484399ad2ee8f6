"""The ledger's tables and how older ledgers become the present one."""

import sqlite3

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
# job's identity at the provider, NULL until it is known; `doubt` is why nobody can say which of the
# job's slots are silent, '' when the list was read whole and agrees with itself.
_V3 = """
ALTER TABLE files ADD COLUMN proof INTEGER;
ALTER TABLE files ADD COLUMN version TEXT;
ALTER TABLE jobs ADD COLUMN fingerprint TEXT;
ALTER TABLE jobs ADD COLUMN doubt TEXT NOT NULL DEFAULT '';
UPDATE files SET proof =
  (listed_size IS NOT NULL AND listed_size = size) * 2
  + (content IN ('jsonl.gz', 'gz', 'json', 'xml')) * 4
  + (checksum IS NOT NULL) * 64
  WHERE state IN ('verified', 'suspect');
UPDATE files SET message = NULL WHERE state = 'suspect'
"""

# MIGRATIONS[n] takes a ledger of version n to n + 1.
MIGRATIONS: dict[int, str] = {0: _V1, 1: _V2, 2: _V3}


def migrate(db: sqlite3.Connection) -> int:
    """Brings the ledger to the present version; says which version it had. Raises sqlite3.Error."""
    first = _version(db)
    while _version(db) < VERSION:
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
