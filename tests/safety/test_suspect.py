"""A complete file with records that are not JSON: kept, reported, and fetched once."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.safety.command import Ran, call, run, write_config

from backhaul.testing import Emulator
from backhaul.testing.serve import emulator

DAY = "@*2016*12*03*"


@pytest.fixture
def store() -> Iterator[Emulator]:
    with emulator("stocktwits-backup", records=40) as running:
        running.faults.replace(f"zeros:all{DAY}")
        yield running


@pytest.fixture
def config(store: Emulator, tmp_path: Path) -> Path:
    name, keys = next(iter(store.jobs().items()))
    days = {"from": "2016-12-01", "to": "2016-12-06", "file_types": ["activity"]}
    return write_config(tmp_path, store, jobs={name: {**keys, **days}})


def suspects(ran: Ran) -> list[dict[str, Any]]:
    return [file for file in ran.job["files"] if file["state"] == "suspect"]


def suspect_file(config: Path) -> Path:
    (file,) = suspects(call("files", config, "--json"))
    path: Path = next((config.parent / "archive").rglob(file["file"]))
    return path


def asked(store: Emulator) -> int:
    return len(store.requests.at(store.files_at))


def test_a_suspect_file_counts_as_present_and_is_named_by_every_run(
    store: Emulator, config: Path
) -> None:
    first = run(config)
    before = asked(store)
    second = run(config)
    assert asked(store) == before, "what is here is not fetched again"
    for ran in (first, second):
        files = ran.job["files"]
        assert (ran.code, ran.job["state"]) == (0, "complete")
        assert (files["suspect"], files["verified"]) == (1, files["listed"])
        (warning,) = ran.job["warnings"]
        assert suspect_file(config).name in warning


def test_files_gaps_and_the_manifest_say_how_many_records_are_bad_and_where(config: Path) -> None:
    run(config)
    (file,) = suspects(call("files", config, "--json"))
    path = suspect_file(config)
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    (bad,) = [number for number, line in enumerate(lines, start=1) if b"\0" in line]
    assert re.search(rf"\b{bad}\b", file["message"])
    assert "container" in file["proof"]
    assert "records" not in file["proof"]
    (slot,) = call("gaps", config, "--json").job["slots"]
    assert (slot["state"], slot["file"]) == ("suspect", file["file"])
    manifest = (path.parent / "MANIFEST.jsonl").read_text().splitlines()
    noted = [entry for line in manifest if "note" in (entry := json.loads(line))]
    assert [(entry["file"], entry["state"]) for entry in noted] == [(file["file"], "suspect")]
    whole = [entry["proof"] for line in manifest if "note" not in (entry := json.loads(line))]
    assert all({"container", "records"} <= set(proof) for proof in whole)


def test_verify_finds_it_as_received(config: Path) -> None:
    run(config)
    ran = call("verify", config, "--json")
    assert (ran.code, ran.job["problems"]) == (0, [])
    assert len(suspects(call("files", config, "--json"))) == 1


def test_verify_reports_a_file_that_was_verified_before_records_were_parsed(config: Path) -> None:
    import sqlite3  # noqa: PLC0415 - only for this test

    run(config)
    (ledger,) = (config.parent / "archive").rglob("ledger.sqlite")
    with sqlite3.connect(ledger) as db:
        db.execute("UPDATE files SET state = 'verified', message = NULL")
        db.execute("DELETE FROM facts")
    db.close()
    assert call("verify", config, "--json").code == 0
    (file,) = suspects(call("files", config, "--json"))
    assert re.search(r"\d", file["message"])


@pytest.mark.parametrize("gone", ["ledger", "ledger, rebuilt"])
def test_it_is_suspect_again_when_the_ledger_is_gone(
    store: Emulator, config: Path, gone: str
) -> None:
    run(config)
    before = suspect_file(config).read_bytes()
    for path in (config.parent / "archive").rglob("ledger.sqlite*"):
        path.unlink()
    if "rebuilt" in gone:
        assert call("verify", config, "--rebuild", "--json").code == 0
    fetched = asked(store)
    assert run(config).job["files"]["suspect"] == 1
    assert asked(store) == fetched, "its container shows that it came so"
    assert suspect_file(config).read_bytes() == before


def test_a_roll_up_passes_its_lines_on(config: Path) -> None:
    run(config)
    bad = next(line for line in gzip.decompress(suspect_file(config).read_bytes()).split(b"\n") if b"\0" in line)  # fmt: skip
    ran = call("rollup", config, "--to", "month", "--json")
    assert ran.code == 0, ran.err
    (output,) = ran.job["outputs"]
    (note,) = output["notes"]
    assert suspect_file(config).name in note
    (path,) = (config.parent / "archive").rglob("*_2016-12*.jsonl.gz")
    assert bad in gzip.decompress(path.read_bytes()).split(b"\n")
