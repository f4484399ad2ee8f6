"""Large ledgers are checked in the background, and damage is reported by whoever opens them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backhaul.ledger.database import ledger_path
from backhaul.ledger.ledger import Ledger
from backhaul.run.inspections import LARGE, Inspections
from backhaul.storage.location import Location
from backhaul.types import RemoteFile


@pytest.fixture
def dest(tmp_path: Path) -> Location:
    location = Location.of_folder(tmp_path)
    with Ledger(location.workspace) as ledger:
        job = ledger.jobs.open("hours", source="s", provider="p")
        files = [
            RemoteFile(f"{number:05}-{'x' * 80}.json.gz", "http://x/") for number in range(9000)
        ]
        ledger.files.add(job, files)
    return location


def test_a_large_sound_ledger_is_not_checked_a_second_time(dest: Location) -> None:
    assert ledger_path(dest.workspace).stat().st_size >= LARGE
    assert Inspections([dest, dest]).sound(dest)


def test_damage_is_left_to_whoever_opens_it(dest: Location) -> None:
    with closing(sqlite3.connect(ledger_path(dest.workspace))) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("DELETE FROM jobs")
    assert not Inspections([dest]).sound(dest)


@pytest.mark.parametrize("there", [False, True])
def test_a_small_or_missing_ledger_is_left_to_whoever_opens_it(
    tmp_path: Path, *, there: bool
) -> None:
    location = Location.of_folder(tmp_path)
    if there:
        Ledger(location.workspace).close()
    assert not Inspections([location]).sound(location)
