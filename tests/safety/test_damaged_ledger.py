"""A damaged ledger: what a command says is right, or one clear error; and there is a way out."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.safety.command import Ran, call, published, run
from tests.safety.damage import AIMED, Damage, at_random

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
    """Files of one provider and a queue of another, all of it here.

    Attributes:
        config: the YAML.
        looks: what commands say while the ledger is sound.
        files: what is published.
    """

    config: Path
    looks: dict[tuple[str, ...], str]
    files: dict[str, str]

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
        made = Archive(path, {}, published(folder / "archive"))
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
    """Whether a command ended with the one error that a damaged ledger has."""
    said = ran.out + ran.err
    return ran.code == ExitCode.DISK and "ledger.sqlite" in said and "verify --rebuild" in said


def check(archive: Archive, damage: Damage, *more: tuple[str, ...]) -> None:
    damage(archive.ledger)
    for words in (*LOOKS, *more):
        ran = archive.call(*words)
        assert clear(ran) or ran.code == 0, (words, ran.err)
        if ran.code == 0 and words in archive.looks:
            assert ran.out == archive.looks[words]
    ran = run(archive.config)
    assert clear(ran) or ran.code == 0, ran.out


@pytest.mark.parametrize("damage", AIMED)
def test_what_is_told_of_a_damaged_ledger_is_right_or_one_clear_error(
    archive: Archive, damage: str
) -> None:
    check(archive, AIMED[damage])


@pytest.mark.parametrize("seed", range(4))
def test_a_few_wrong_bytes(archive: Archive, seed: int) -> None:
    check(archive, at_random(seed))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_times_three_wrong_bytes(sound: Archive, tmp_path: Path) -> None:
    for seed in range(100):
        check(copied(sound, tmp_path / f"{seed}"), at_random(seed), *OTHERS)
