"""A damaged ledger: commands give the right answer or one clear error, and it can be rebuilt."""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.safety.command import Ran, call, published, run
from tests.safety.damage import AIMED, Damage, at_random
from tests.usual import usual

from backhaul.errors import ExitCode
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator
from backhaul_gnip_hpt.emulator import GnipHptEmulator

LOOKS = (("status", "--offline", "--json"), ("files", "--json"), ("gaps", "--json"))
OTHERS = (
    ("watch", "--once"),
    ("plan", "--json"),
    ("verify", "--json"),
    ("rollup", "--to", "hour", "--json"),
    ("report",),
)


@dataclass(frozen=True)
class Archive:
    """Files of one provider and a queue of another, all of them present.

    Attributes:
        config: the YAML.
        looks: output of commands while the ledger is sound.
        files: the published files.
    """

    config: Path
    looks: dict[tuple[str, ...], str]
    files: dict[str, str]
    queue: DatasiftHistoricsEmulator

    def pulls(self) -> int:
        return sum(entry.path.endswith("/pull") for entry in self.queue.requests)

    @property
    def ledger(self) -> Path:
        return self.config.parent / "archive/.backhaul/ledger.sqlite"

    def call(self, *words: str) -> Ran:
        output = ("-o", str(self.config.parent / "report.html")) if words[0] == "report" else ()
        return call(words[0], self.config, *words[1:], *output)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("sound") / "home"
    folder.mkdir()
    with (
        GnipHptEmulator(slots=12) as files,
        DatasiftHistoricsEmulator(interactions=200, step=1000) as queue,
    ):
        text = {
            "version": 1,
            "settings": {"dest": "archive", "retries": 1, "min_free_space": 0},
            "sources": {"hpt": files.source(), "ds": queue.source()},
            "jobs": {
                **{name: {"source": "hpt", **keys} for name, keys in files.jobs().items()},
                "fog": {"source": "ds", "id": queue.main.id, "poll": "0.01s", "split": "2K"},
            },
        }
        path = folder / "backhaul.yaml"
        path.write_text(json.dumps(text))
        assert run(path, "--wait", "20s").code == 0
        assert run(path).code == 0
        made = Archive(path, {}, published(folder / "archive"), queue)
        with closing(sqlite3.connect(made.ledger)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield replace(made, looks={words: made.call(*words).out for words in LOOKS})


def copied(sound: Archive, folder: Path) -> Archive:
    shutil.copytree(sound.config.parent, folder)
    home = str(sound.config.parent)
    looks = {words: out.replace(home, str(folder)) for words, out in sound.looks.items()}
    return replace(sound, config=folder / "backhaul.yaml", looks=looks)


@pytest.fixture
def archive(sound: Archive, tmp_path: Path) -> Archive:
    return copied(sound, tmp_path / "home")


def clear(ran: Ran) -> bool:
    """Whether a command failed with the one error for a damaged ledger."""
    output = ran.out + ran.err
    return ran.code == ExitCode.DISK and "ledger.sqlite" in output and "verify --rebuild" in output


def check(archive: Archive, damage: Damage, *more: tuple[str, ...]) -> None:
    damage(archive.ledger)
    for words in (*LOOKS, *more):
        ran = archive.call(*words)
        assert clear(ran) or ran.code == 0, (words, ran.err)
        if "--json" in words:
            assert json.loads(ran.out)["exit_code"] == ran.code
        if ran.code == 0 and words in archive.looks:
            assert ran.out == archive.looks[words]
    before = archive.pulls()
    ran = run(archive.config)
    assert clear(ran) or ran.code == 0, ran.out
    if ran.code:
        rebuilt = archive.call("verify", "--rebuild", "--json")
        assert rebuilt.code == 0, rebuilt.out
        ran = run(archive.config)
        assert ran.code == 0, (ran.out, rebuilt.err)
    for folder in archive.config.parent.glob("archive/*.rollup"):
        shutil.rmtree(folder)
    assert published(archive.config.parent / "archive") == archive.files
    assert archive.pulls() == before


@pytest.mark.parametrize(
    "damage",
    usual(
        AIMED,
        "magic",
        "version to come",
        "no ledger at all",
        "words of the schema",
        "state",
        "NULL where none can be",
        "name that leads astray",
        "other hash",
        "piece",
        "hosts",
    ),
)
def test_a_damaged_ledger_gives_correct_reports_or_one_clear_error(
    archive: Archive, damage: str
) -> None:
    check(archive, AIMED[damage])


@pytest.mark.parametrize("seed", usual(range(4), 0))
def test_a_ledger_with_a_few_wrong_bytes_gives_correct_reports_or_one_clear_error(
    archive: Archive, seed: int
) -> None:
    check(archive, at_random(seed))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_ledgers_with_wrong_bytes_give_correct_reports_or_one_clear_error(
    sound: Archive, tmp_path: Path
) -> None:
    for seed in range(100):
        check(copied(sound, tmp_path / f"{seed}"), at_random(seed), *OTHERS)


# -- what a rebuilt ledger keeps --------------------------------------------------------------------


def files_of(archive: Archive) -> dict[str, dict[str, Any]]:
    jobs = archive.call("files", "--json").jobs
    return {file["file"]: file for job in jobs for file in job["files"]}


@pytest.mark.parametrize("damage", ["words of the schema", "text encoding", "cells of an index"])
def test_rows_that_can_be_read_and_agree_with_the_disk_are_kept(
    archive: Archive, damage: str
) -> None:
    before = files_of(archive)
    AIMED[damage](archive.ledger)

    assert archive.call("verify", "--rebuild").code == 0

    assert files_of(archive) == before


def test_a_damaged_row_is_rebuilt_from_its_file(archive: Archive) -> None:
    before = files_of(archive)
    AIMED["other hash"](archive.ledger)

    output = archive.call("verify", "--rebuild").err

    after = files_of(archive)
    (other,) = [name for name in before if before[name] != after[name]]
    assert after[other]["sha256"] == before[other]["sha256"]
    assert re.search(r"\b1 row\b", output)


def test_jobs_of_other_configurations_stay_in_the_ledger(archive: Archive) -> None:
    text = json.loads(archive.config.read_text())
    other = archive.config.with_name("other.yaml")
    (first, *_) = jobs = text["jobs"]
    for path, names in (
        (archive.config, [first]),
        (other, [name for name in jobs if name != first]),
    ):
        path.write_text(json.dumps({**text, "jobs": {name: jobs[name] for name in names}}))
    before = call("files", other, "--json").jobs
    AIMED["words of the schema"](archive.ledger)

    assert archive.call("verify", "--rebuild").code == 0

    assert call("files", other, "--json").jobs == before
    pulls = archive.pulls()
    assert run(other).code == 0
    assert archive.pulls() == pulls


def test_the_ledgers_write_ahead_log_is_read_too(archive: Archive) -> None:
    with closing(sqlite3.connect(archive.ledger, isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("UPDATE streams SET cursor = 'later', seal = NULL")
        for path in archive.ledger.parent.glob("ledger.sqlite-*"):
            shutil.copy(path, path.with_name(f"kept{path.name[13:]}"))
    shutil.move(archive.ledger.with_name("kept-wal"), archive.ledger.with_name("ledger.sqlite-wal"))
    (cut_off,) = [damage for name, damage in AIMED.items() if name == "words of the schema"]
    data = archive.ledger.read_bytes()
    cut_off(archive.ledger)
    assert archive.ledger.read_bytes() != data

    assert archive.call("verify", "--rebuild").code == 0

    with closing(sqlite3.connect(archive.ledger)) as db:
        assert db.execute("SELECT cursor FROM streams").fetchall() == [("later",)]


def test_an_interrupted_rebuild_is_repeated(archive: Archive) -> None:
    before = files_of(archive)
    archive.ledger.rename(archive.ledger.with_name("ledger.sqlite.damaged-20260101T000000Z"))
    (archive.ledger.parent / "rebuilding").mkdir()

    assert archive.call("verify", "--rebuild").code == 0

    assert files_of(archive) == before
    assert not (archive.ledger.parent / "rebuilding").exists()


def test_a_row_whose_file_is_gone_is_not_kept_as_present(archive: Archive) -> None:
    folder = archive.config.parent / "archive"
    piece, file = min(folder.glob("fog/*.gz")), min(folder.glob("worldcup/*.gz"))
    for path in (piece, file):
        path.unlink()
    AIMED["words of the schema"](archive.ledger)

    archive.call("verify", "--rebuild")

    after = files_of(archive)
    assert (after[piece.name]["state"], after[file.name]["state"]) == ("lost", "pending")
    ran = run(archive.config)
    assert (ran.code, ran.kinds) == (ExitCode.INCOMPLETE, {"lost"})
