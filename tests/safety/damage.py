"""Ways to damage a ledger, at random and targeted."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

Damage = Callable[[Path], None]


def at_random(seed: int, count: int = 3) -> Damage:
    """Changes this many nonzero bytes."""

    def change(ledger: Path) -> None:
        dice = random.Random(seed)
        data = bytearray(ledger.read_bytes())
        for place in dice.sample([place for place, byte in enumerate(data) if byte], count):
            data[place] = dice.randrange(256)
        ledger.write_bytes(data)

    return change


def put(place: int, new: bytes) -> Damage:
    """Overwrites bytes at an offset; a negative one counts from the end."""

    def change(ledger: Path) -> None:
        data = bytearray(ledger.read_bytes())
        place_ = place % len(data)
        data[place_ : place_ + len(new)] = new
        ledger.write_bytes(data)

    return change


def swap(old: bytes, new: bytes) -> Damage:
    """Replaces the last occurrence with bytes of the same length."""

    def change(ledger: Path) -> None:
        data = ledger.read_bytes()
        before, found, after = data.rpartition(old)
        assert found
        assert len(old) == len(new)
        ledger.write_bytes(before + new + after)

    return change


def cut(ledger: Path) -> None:
    """Drops the second half."""
    data = ledger.read_bytes()
    ledger.write_bytes(data[: len(data) // 2])


def pages(kind: int, new: bytes) -> Damage:
    """Overwrites the beginning of each page of a kind except the first."""

    def change(ledger: Path) -> None:
        data = bytearray(ledger.read_bytes())
        for start in range(4096, len(data), 4096):
            if data[start] == kind:
                data[start : start + len(new)] = new
        ledger.write_bytes(data)

    return change


def values(sql: str) -> Damage:
    """Validly stored values that make no sense."""

    def change(ledger: Path) -> None:
        with closing(sqlite3.connect(ledger, isolation_level=None)) as db:
            db.execute("PRAGMA ignore_check_constraints = ON")
            db.execute("PRAGMA writable_schema = ON")
            db.execute(sql)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    return change


ONE = "WHERE id = (SELECT min(id) FROM files)"
AIMED: dict[str, Damage] = {
    "magic": put(0, b"sqlite"),
    "page size": put(16, b"\x20\x01"),
    "write version": put(18, b"\x09"),
    "read version": put(19, b"\x09"),
    "reserved bytes": put(20, b"\x63"),
    "free list": put(32, b"\x00\x00\x00\x02\x00\x00\x00\x09"),
    "schema format": put(44, b"\x00\x00\x00\x09"),
    "text encoding": put(56, b"\x00\x00\x00\x02"),
    "version of long ago": put(60, b"\x00\x00\x00\x01"),
    "version to come": put(60, b"\x00\x00\x00\x04"),
    "version beyond all": put(60, b"\x7f\x00\x00\x00"),
    "version below zero": put(60, b"\xff\x00\x00\x00"),
    "no ledger at all": put(0, b"no ledger at all" * 256),
    "half a file": cut,
    "kind of a page": pages(0x0D, b"\x07"),
    "cells of a page": pages(0x0D, b"\x0d\x00\x00\xff\xff"),
    "cells of an index": pages(0x0A, b"\x0a\x00\x00\x00\x00"),
    "name of a column": swap(b"footer_lines INTEGER", b"footer_linez INTEGER"),
    "words of the schema": swap(b"CREATE TABLE files", b"CREATE TUBLE files"),
    "uniqueness": swap(b"UNIQUE (job, key)", b"CHECK(job != key)"),
    "state": swap(b"verified", b"verifiex"),
    "no text": swap(b"verified", b"veri\xff\xfeed"),
    "NULL where none can be": values(
        "UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '')"
    ),
    "blob for a name": values(f"UPDATE files SET name = CAST(name AS BLOB) {ONE}"),
    "name that leads astray": values(f"UPDATE files SET name = '../x', key = '../x' {ONE}"),
    "name with a NUL": values(f"UPDATE files SET name = 'a' || char(0) {ONE}"),
    "a name in other letters": values(
        "UPDATE files SET name = substr(name, 1, 18) || upper(substr(name, 19, 1))"
        " || substr(name, 20) WHERE name LIKE '2%'"
    ),
    "another proof": values(f"UPDATE files SET proof = proof | 64, origin = 'x' {ONE}"),
    "lines of the footer": values(f"UPDATE files SET footer_lines = footer_lines + 1 {ONE}"),
    "another time": values(f"UPDATE files SET start = start - 60 {ONE}"),
    "another name": values(f"UPDATE files SET name = name || 'x' {ONE}"),
    "time beyond the calendar": values(f"UPDATE files SET start = 1 << 60 {ONE}"),
    "time of fetching": values(f"UPDATE files SET fetched = -(1 << 60) {ONE}"),
    "text for a time": values(f"UPDATE files SET start = 'noon' {ONE}"),
    "negative size": values(f"UPDATE files SET size = -1 {ONE}"),
    "other size": values(f"UPDATE files SET size = size + 1 {ONE}"),
    "other hash": values(f"UPDATE files SET sha256 = replace(sha256, 'a', 'b') {ONE}"),
    "number that is none": values(f"UPDATE files SET id = 9223372036854775807 {ONE}"),
    "other job": values(f"UPDATE files SET job = 99 {ONE}"),
    "kind of a failure": values(f"UPDATE files SET kind = 'odd' {ONE}"),
    "kind of content": values(f"UPDATE files SET content = 'odd' {ONE}"),
    "meta": values(f"UPDATE files SET meta = '[' {ONE}"),
    "state of a job": values("UPDATE jobs SET state = 'odd'"),
    "slots": values("UPDATE jobs SET slots = '[[1, 2]]'"),
    "slots beyond the calendar": values(
        f"UPDATE jobs SET slots = '[[{1 << 60}, {1 << 61}, 60, null, null, \"\"]]'"
    ),
    "warnings": values("UPDATE jobs SET warnings = '{'"),
    "problems": values("UPDATE jobs SET problems = '[[\"odd\", 3]]'"),
    "name of a job": swap(b"fogds", b"foxds"),
    "percent": values("UPDATE jobs SET percent = 9e999, rate = 9e999"),
    "place in a queue": values("UPDATE streams SET cursor = replace(cursor, '1', '2')"),
    "piece": values("UPDATE streams SET piece = -3"),
    "facts": values("UPDATE facts SET text = replace(text, '6', '7')"),
    "content": values("UPDATE files SET content = replace(content, 'l', 'k')"),
    "facts that are not text": values("UPDATE facts SET text = CAST(x'ff41' || text AS TEXT)"),
    "facts without sense": values("UPDATE facts SET text = 'odd'"),
    "hosts": values("UPDATE hosts SET connections = 'many'"),
}
