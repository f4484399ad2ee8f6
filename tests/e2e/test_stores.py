"""The commands on an archive in an object store: a real one, on loopback."""

import gzip
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store
from tests import days
from tests.days import served
from tests.e2e.conftest import Bench, Ended
from tests.faulty_proxy import Asked, Fault, FaultyProxy, faulty_proxy
from tests.seaweed import KEY, PRIVATE, SECRET, Store, use_keys
from tests.soon import SOON
from tests.usual import usual

import backhaul as library
from backhaul.archive.jobs import AT_ONCE
from backhaul.errors import FailureKind
from backhaul.ledger.schema import VERSION
from backhaul.storage.parts import LocalParts
from backhaul.storage.stores import leases
from backhaul.storage.stores.publishing import LARGE
from backhaul.testing.serve import emulator


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use_keys(monkeypatch)


def deny(_: Asked) -> Fault:
    return Fault(status=403, code="AccessDenied")


class Lake:
    """Three hours of HPT whose destination is a prefix of a store.

    Attributes:
        bench: the emulator and the YAML file.
        prefix: the prefix.
    """

    def __init__(self, bench: Bench, weed: Store) -> None:
        self.bench = bench
        self.prefix = f"lake/{secrets.token_hex(4)}"
        self.store = S3Store(
            PRIVATE,
            endpoint=weed.url,
            access_key_id=KEY,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )
        bench.document["settings"]["dest"] = f"s3://{PRIVATE}/{self.prefix}"
        bench.document["settings"]["store"] = {"endpoint": weed.url}
        bench.write()

    @property
    def config(self) -> Path:
        return self.bench.path

    @property
    def workspace(self) -> Path:
        return self.config.parent / ".backhaul" / f"s3-{PRIVATE}-{self.prefix.replace('/', '-')}"

    def listed(self, *, own: bool = False) -> dict[str, Any]:
        """ETag and time of each object; ``own``: including backhaul's own objects."""
        found = obstore.list(self.store, self.prefix).collect()
        names = {each["path"].removeprefix(f"{self.prefix}/"): each for each in found}
        return {
            name: (each["e_tag"], each["last_modified"])
            for name, each in names.items()
            if own or not name.startswith(".backhaul/")
        }

    def read(self, name: str) -> bytes:
        return bytes(obstore.get(self.store, f"{self.prefix}/{name}").bytes())

    def put(self, name: str, data: bytes) -> None:
        obstore.put(self.store, f"{self.prefix}/{name}", data)

    def delete(self, name: str) -> None:
        obstore.delete(self.store, f"{self.prefix}/{name}")


@pytest.fixture
def lake(weed: Store, tmp_path: Path) -> Iterator[Lake]:
    with emulator("gnip-hpt", slots=18, silent=0.2) as one:
        yield Lake(Bench.over(one, tmp_path / "home/hpt.yaml"), weed)


Run = Callable[..., Ended]


def test_files_are_stored_byte_for_byte_and_a_second_run_uploads_nothing(
    lake: Lake, backhaul: Run, tmp_path: Path
) -> None:
    first = backhaul("run", lake.config, "--json")
    assert first.code == 0, first.err
    asked, objects = lake.bench.file_requests(), lake.listed(own=True)

    again = backhaul("run", lake.config, "--json")

    counts = again.json["jobs"][0]["files"]
    assert (again.code, counts["fetched"], counts["skipped"]) == (0, 0, counts["listed"])
    assert lake.bench.file_requests() == asked
    assert lake.listed(own=True) == objects, "nothing is put, and the lease is gone"
    local = Bench.over(lake.bench.one, tmp_path / "local/hpt.yaml")
    assert backhaul("run", local.path).code == 0
    here = {
        path.relative_to(local.archive).as_posix(): path.read_bytes()
        for path in local.archive.glob("worldcup/**/*")
        if path.is_file()
    }
    assert lake.listed().keys() == here.keys()
    for name, data in here.items():
        if name.endswith("MANIFEST.jsonl"):
            lines = [
                [json.loads(line) | {"fetched_at": None} for line in text.splitlines()]
                for text in (data, lake.read(name))
            ]
            assert lines[0] == lines[1]
        else:
            assert lake.read(name) == data, name
    sums = lake.read("worldcup/SHA256SUMS").decode().splitlines()
    for digest, name in (line.split("  ") for line in sums):
        assert hashlib.sha256(lake.read(f"worldcup/{name}")).hexdigest() == digest
    assert not [path for path in (lake.workspace / "parts").rglob("*") if path.is_file()]


def test_offline_commands_see_it_too(lake: Lake, backhaul: Run) -> None:
    assert backhaul("run", lake.config).code == 0

    files = backhaul("files", lake.config, "--json").json["jobs"][0]["files"]
    gaps = backhaul("gaps", lake.config, "--json").json["jobs"][0]["slots"]
    assert {each["state"] for each in files} == {"verified"}
    assert {each["state"] for each in gaps} == {"silent"}
    checked = backhaul("verify", lake.config)
    assert (checked.code, "compared with the store's list" in checked.out) == (0, True)
    deep = backhaul("verify", lake.config, "--deep")
    assert (deep.code, "files read, all intact" in deep.out) == (0, True)
    archive = library.load(lake.config)
    records = sum(1 for _ in archive.records("worldcup"))
    assert records == sum(each["records"] for each in files)
    assert archive.to_arrow("worldcup").read_all().num_rows == records
    rolled = backhaul("rollup", lake.config, "--to", "day", "--json")
    assert rolled.code == 0, rolled.err
    assert backhaul("report", lake.config, "-o", lake.config.parent / "report.html").code == 0


def test_a_command_keeps_its_connections_from_job_to_job(
    weed: Store, lake: Lake, backhaul: Run
) -> None:
    with faulty_proxy(weed.url) as proxy:
        jobs = with_more_jobs(lake, proxy, 3 * AT_ONCE)
        assert backhaul("gaps", lake.config).code == 0
        assert len(proxy.requests) >= jobs
        assert proxy.connections <= AT_ONCE + 1


def test_a_command_looks_at_several_jobs_at_once(weed: Store, lake: Lake, backhaul: Run) -> None:
    together = threading.Barrier(AT_ONCE)

    def wait_for_others(asked: Asked) -> None:
        if ".backhaul/ledgers/" in asked.path:
            together.wait(SOON)

    with faulty_proxy(weed.url, wait_for_others) as proxy:
        with_more_jobs(lake, proxy, AT_ONCE)
        assert backhaul("status", lake.config).code == 0
        assert proxy.count("GET", "/ledgers/") + proxy.count("HEAD", "/ledgers/") == AT_ONCE


@pytest.mark.parametrize("fresh", [5.0, -1.0])
def test_each_job_has_only_its_own_error_once(
    lake: Lake, backhaul: Run, monkeypatch: pytest.MonkeyPatch, fresh: float
) -> None:
    monkeypatch.setattr("backhaul.archive.jobs._FRESH", fresh)
    jobs = lake.bench.document["jobs"]
    jobs["other"] = jobs["worldcup"]
    lake.bench.write()
    assert backhaul("run", lake.config, "--job", "other").code == 0
    lake.put(".backhaul/ledgers/other.sqlite.gz", b"damaged")
    ended = backhaul("status", lake.config, "--json")
    assert [each["job"] for each in ended.json["jobs"]] == ["worldcup", "other"], ended.err
    assert ended.err.count("is damaged") == 1


def test_what_was_read_long_before_a_jobs_turn_is_read_again(
    weed: Store, lake: Lake, backhaul: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backhaul.archive.jobs._FRESH", -1.0)
    with faulty_proxy(weed.url) as proxy:
        jobs = with_more_jobs(lake, proxy, 2)
        assert backhaul("status", lake.config).code == 0
        assert sum("/ledgers/" in each.path for each in proxy.requests) == 2 * jobs


def with_more_jobs(lake: Lake, proxy: FaultyProxy, number: int) -> int:
    """Configures so many jobs like the first one, behind a proxy."""
    jobs = lake.bench.document["jobs"]
    jobs.update({f"other{each}": jobs["worldcup"] for each in range(number - len(jobs))})
    lake.bench.document["settings"]["store"] = {"endpoint": proxy.url}
    lake.bench.write()
    return len(jobs)


def test_a_store_whose_jobs_are_not_selected_is_not_opened(lake: Lake, backhaul: Run) -> None:
    settings = lake.bench.document["settings"]
    settings["store"]["profile"] = "not-in-the-file"
    lake.bench.write()
    assert backhaul("gaps", lake.config).code == 2
    beside = lake.config.with_name("beside.yaml")
    jobs = {"local": lake.bench.document["jobs"]["worldcup"]}
    document = {**lake.bench.document, "settings": {"dest": "archive"}, "jobs": jobs}
    beside.write_text(json.dumps(document))
    assert backhaul("gaps", lake.config, beside, "--job", "local").code == 0


@pytest.mark.parametrize(
    "reads", usual(["records", "rollup", "copy"], "records", "rollup"), ids=lambda each: each
)
def test_reading_an_archive_takes_a_request_a_file(
    weed: Store, lake: Lake, backhaul: Run, reads: str
) -> None:
    with faulty_proxy(weed.url) as proxy:
        lake.bench.document["settings"]["store"] = {"endpoint": proxy.url}
        lake.bench.write()
        assert backhaul("run", lake.config).code == 0
        before = proxy.count("GET", ".json.gz")
        if reads == "records":
            assert sum(1 for _ in library.load(lake.config).records("worldcup"))
        elif reads == "rollup":
            assert backhaul("rollup", lake.config, "--to", "day").code == 0
        else:
            assert backhaul("copy", lake.config, "--to", lake.config.parent / "copy").code == 0
        files = sum(name.endswith(".json.gz") for name in lake.listed())
        assert proxy.count("GET", ".json.gz") - before == files


@pytest.mark.parametrize("how", usual(["replaced", "deleted"], "replaced"))
def test_a_file_changed_by_another_program_is_found_and_fetched_again(
    lake: Lake, backhaul: Run, how: str
) -> None:
    assert backhaul("run", lake.config).code == 0
    name = next(name for name in sorted(lake.listed()) if name.endswith(".json.gz"))
    data = lake.read(name)
    if how == "deleted":
        lake.delete(name)
    else:
        lake.put(name, data[:-1] + bytes([data[-1] ^ 1]))

    (problem,) = backhaul("verify", lake.config, "--json").json["jobs"][0]["problems"]

    assert f"worldcup/{problem['file']}" == name
    assert problem["kind"] == ("not_found" if how == "deleted" else "corrupt")
    again = backhaul("run", lake.config, "--json")
    assert (again.code, again.json["jobs"][0]["files"]["fetched"]) == (0, 1), again.err
    assert lake.read(name) == data
    assert backhaul("verify", lake.config).code == 0


@pytest.mark.matrix
def test_an_object_unknown_to_the_ledger_is_kept(lake: Lake, backhaul: Run) -> None:
    assert backhaul("run", lake.config).code == 0
    name = next(name for name in sorted(lake.listed()) if name.endswith(".json.gz"))
    data = lake.read(name)
    for each in lake.workspace.glob("ledger.sqlite*"):
        each.unlink()
    for each in list(lake.listed(own=True)):
        if each != name:
            lake.delete(each)
    lake.put(name, b"of another program")

    result = backhaul("run", lake.config, "--json")

    (failure,) = result.json["jobs"][0]["failures"]
    assert (result.code, failure["kind"]) == (9, "store")
    assert f"worldcup/{failure['file']}" == name
    assert lake.read(name) == b"of another program"
    lake.put(name, data)
    again = backhaul("run", lake.config, "--json")
    assert again.code == 0
    assert again.json["jobs"][0]["files"]["fetched"] <= 1, "the same bytes are adopted"


def test_another_machine_takes_over_with_the_snapshot(lake: Lake, backhaul: Run) -> None:
    assert backhaul("run", lake.config).code == 0
    asked, objects = lake.bench.file_requests(), lake.listed()
    shutil.rmtree(lake.workspace)

    result = backhaul("run", lake.config)

    assert (result.code, "continuing with the snapshot" in result.err) == (0, True)
    assert (lake.bench.file_requests(), lake.listed()) == (asked, objects)
    assert "compared with the store's list" in backhaul("verify", lake.config).out
    shutil.rmtree(lake.workspace)
    assert backhaul("verify", lake.config, "--rebuild").code == 0
    assert (lake.workspace / "ledger.sqlite").exists()


@pytest.mark.parametrize(
    "words",
    usual(["files", "gaps", "verify", "copy --to there", "rollup --to day"], "files", "verify"),
)
def test_a_machine_that_never_ran_a_job_looks_at_what_another_one_has_stored(
    lake: Lake, backhaul: Run, words: str
) -> None:
    assert backhaul("run", lake.config).code == 0
    command, *options = words.split()
    here = backhaul(command, lake.config, *options, "--json")
    for folder in (lake.workspace, lake.config.parent / "there"):
        shutil.rmtree(folder, ignore_errors=True)
    objects = lake.listed(own=True)

    there = backhaul(command, lake.config, *options, "--json")

    assert (here.code, there.code) == (0, 0), there.err
    assert "continuing with the snapshot" in there.err
    if command != "rollup":  # the second finds the output of the first
        assert there.json == here.json
    assert there.json["jobs"][0].get("files") != []
    assert lake.listed(own=True) == objects


@pytest.mark.matrix
def test_a_machine_looks_at_what_another_one_has_replaced_since(
    weed: Store, backhaul: Run, tmp_path: Path
) -> None:
    files = {f"{day}.json.gz": gzip.compress(b'{"day": %d}\n' % day) for day in (1, 2)}
    with served(tmp_path / "www", files) as web:
        text = days.config(web, weed.url, prefix=f"since/{secrets.token_hex(4)}", days=2)
        one, two = tmp_path / "one/days.yaml", tmp_path / "two/days.yaml"
        for path in (one, two):
            path.parent.mkdir()
            path.write_text(text)
            assert backhaul("run", path).code == 0
        (tmp_path / "www/2.json.gz").write_bytes(gzip.compress(b'{"day": 2, "corrected": 1}\n'))
        assert backhaul("run", one, "--refresh").code == 0

        checked = backhaul("verify", two)

    assert (checked.code, "another workspace has run it since" in checked.err) == (0, True)
    assert "1 file read" not in checked.out


def test_a_damaged_snapshot_hides_nothing_that_this_workspace_knows(
    lake: Lake, backhaul: Run
) -> None:
    assert backhaul("run", lake.config).code == 0
    before = backhaul("files", lake.config)
    lake.put(SNAPSHOT, b"<html>Please log in</html>")

    ended = backhaul("files", lake.config)

    assert (ended.code, ended.out) == (0, before.out)
    assert "is damaged" in ended.err


def test_an_unreadable_snapshot_is_reported_and_the_known_state_is_shown(
    lake: Lake, weed: Store, backhaul: Run
) -> None:
    assert backhaul("run", lake.config).code == 0
    known = backhaul("files", lake.config)
    refuse = faulty_proxy(weed.url, lambda asked: deny(asked) if SNAPSHOT in asked.path else None)
    with refuse as proxy:
        lake.bench.write(settings__store={"endpoint": proxy.url})
        ended = backhaul("files", lake.config)
    assert (ended.code, ended.out) == (0, known.out)
    assert "the store returned 403" in ended.err
    assert "showing the state known to this workspace" in ended.err


@pytest.mark.parametrize(
    "words",
    usual(
        ["files", "gaps", "verify", "status", "report", "copy --to there", "rollup --to day"],
        "verify", "files",
    ),
)  # fmt: skip
def test_an_unreadable_store_is_not_taken_for_an_empty_one(
    lake: Lake, weed: Store, backhaul: Run, words: str
) -> None:
    command, *options = words.split()
    with faulty_proxy(weed.url, deny) as proxy:
        lake.bench.write(settings__store={"endpoint": proxy.url})
        ended = backhaul(command, lake.config, *options)
    assert (ended.code, ended.out) == (4, "")
    assert "the store returned 403" in ended.err


@pytest.mark.matrix
def test_the_files_of_a_renamed_job_are_kept_by_moving_its_objects(
    lake: Lake, backhaul: Run
) -> None:
    assert backhaul("run", lake.config).code == 0
    asked = lake.bench.file_requests()
    jobs = lake.bench.document["jobs"]
    jobs["cup"] = jobs.pop("worldcup")
    lake.bench.write()

    ended = backhaul("run", lake.config, "--json")

    url = f"s3://{PRIVATE}/{lake.prefix}"
    (failure,) = ended.json["jobs"][0]["failures"]
    assert (ended.code, "mv " in failure["message"]) == (2, False), ended.err
    assert f"move all objects below {url}/worldcup/ to {url}/cup/" in failure["message"]
    names = [name for name in lake.listed() if name.startswith("worldcup/")]
    for name in names:
        moved = name.replace("worldcup/", "cup/", 1)
        obstore.rename(lake.store, f"{lake.prefix}/{name}", f"{lake.prefix}/{moved}")
    again = backhaul("run", lake.config, "--json")
    assert (again.code, lake.bench.file_requests()) == (0, asked), again.err
    assert again.json["jobs"][0]["files"]["fetched"] == 0
    assert backhaul("verify", lake.config, "--deep").code == 0


SNAPSHOT = ".backhaul/ledgers/worldcup.sqlite.gz"


@pytest.mark.matrix
def test_a_workspace_continues_after_another_one_has_run(
    lake: Lake, backhaul: Run, tmp_path: Path
) -> None:
    here, there = lake.workspace, tmp_path / "there"
    assert backhaul("run", lake.config).code == 0
    shutil.copytree(here, there)
    changed = next(each for each in sorted(lake.listed()) if each.endswith(".json.gz"))

    def change_and_run() -> Ended:
        lake.delete(changed)
        ended = backhaul("run", lake.config)
        assert (ended.code, changed in lake.listed()) == (0, True), ended.err
        return ended

    mine = lake.read(SNAPSHOT)
    assert "snapshot" not in change_and_run().err
    theirs = lake.read(SNAPSHOT)
    assert theirs != mine
    shutil.rmtree(here)
    there.rename(here)  # as on another machine, which last saw the earlier snapshot

    again = backhaul("run", lake.config, "--json")

    assert "another workspace has run it since; continuing with the snapshot" in again.err
    assert (again.code, again.json["jobs"][0]["files"]["fetched"]) == (0, 0)
    assert lake.read(SNAPSHOT) == theirs, "no row has changed"
    assert "snapshot" not in backhaul("run", lake.config).err
    assert "snapshot" not in change_and_run().err
    assert lake.read(SNAPSHOT) not in {mine, theirs}
    lake.delete(SNAPSHOT)
    assert backhaul("run", lake.config).code == 0
    assert lake.read(SNAPSHOT), "what was removed is saved again"


@pytest.mark.matrix
def test_two_machines_with_different_jobs_share_a_store(lake: Lake, backhaul: Run) -> None:
    document = lake.bench.document
    document["jobs"]["second"] = document["jobs"]["worldcup"]
    lake.bench.write()
    here, there = lake.workspace, lake.config.parent / "there"
    assert backhaul("run", lake.config, "--job", "worldcup").code == 0
    here.rename(there)
    assert "snapshot" not in backhaul("run", lake.config, "--job", "second").err
    asked = lake.bench.file_requests()

    third = lake.config.parent / "third"
    here.rename(third)
    both = backhaul("run", lake.config, "--json")

    assert both.code == 0, both.err
    assert [job["files"]["fetched"] for job in both.json["jobs"]] == [0, 0]
    assert both.err.count("continuing with the snapshot") == 2
    assert lake.bench.file_requests() == asked
    assert backhaul("verify", lake.config).code == 0
    for other, missing in ((there, "second"), (third, "worldcup")):
        shutil.rmtree(here)
        other.rename(here)
        again = backhaul("run", lake.config, "--json")
        assert (again.code, again.err.count("continuing with the snapshot")) == (0, 1), again.err
        assert f"{missing}: {here}/ledger.sqlite does not have it; continuing" in again.err
    assert lake.bench.file_requests() == asked


@pytest.mark.parametrize("stored", usual([True, False], False))
def test_a_snapshot_whose_writing_was_interrupted_is_still_known(
    lake: Lake, backhaul: Run, *, stored: bool
) -> None:
    assert backhaul("run", lake.config).code == 0
    changed = next(each for each in sorted(lake.listed()) if each.endswith(".json.gz"))
    lost = lake.config.parent / "lost"

    def interrupt(asked: Asked) -> Fault | None:
        if asked.method != "PUT" or not asked.path.endswith(SNAPSHOT):
            return None
        if not lost.exists():
            shutil.copy(lake.workspace / "snapshots/worldcup", lost)
        return None if stored else Fault(status=403)

    with faulty_proxy(lake.bench.document["settings"]["store"]["endpoint"], interrupt) as proxy:
        lake.delete(changed)
        before = lake.bench.document["settings"]["store"]
        lake.bench.write(settings__store={"endpoint": proxy.url})
        assert backhaul("run", lake.config).code == 0
    shutil.copy(lost, lake.workspace / "snapshots/worldcup")  # as if killed at that moment
    lake.delete(changed)

    again = backhaul("run", lake.bench.write(settings__store=before))

    assert (again.code, "snapshot" in again.err) == (0, False), again.err


def test_a_snapshot_from_a_newer_version_is_refused(lake: Lake, backhaul: Run) -> None:
    assert backhaul("run", lake.config).code == 0
    newer = lake.config.parent / "newer.sqlite"
    newer.write_bytes(gzip.decompress(lake.read(SNAPSHOT)))
    with closing(sqlite3.connect(newer)) as ledger:
        ledger.execute("ALTER TABLE files ADD COLUMN later TEXT")
        ledger.execute(f"PRAGMA user_version = {VERSION + 1}")
    lake.put(SNAPSHOT, gzip.compress(newer.read_bytes()))
    shutil.rmtree(lake.workspace)

    result = backhaul("run", lake.config, "--json")

    assert result.code == 9
    (failure,) = result.json["jobs"][0]["failures"]
    assert f"/{SNAPSHOT}: written by a newer backhaul" in failure["message"]
    assert not (lake.workspace / "ledger.sqlite").exists()


@pytest.mark.parametrize("deep", usual([False, True], False))
def test_the_ledger_is_rebuilt_from_the_objects(
    lake: Lake, backhaul: Run, weed: Store, *, deep: bool
) -> None:
    lake.bench.one.faults.replace("cut_record@*/00/10_*")
    assert backhaul("run", lake.config).code == 0
    before = backhaul("files", lake.config, "--json").json["jobs"][0]["files"]
    objects = lake.listed()
    shutil.rmtree(lake.workspace)
    lake.delete(SNAPSHOT)
    lake.bench.one.faults.replace("")

    with faulty_proxy(weed.url) as proxy:

        def read() -> int:
            return sum(
                each.method == "GET" and each.path.endswith(".json.gz") for each in proxy.requests
            )

        lake.bench.write(settings__store={"endpoint": proxy.url})
        rebuilt = backhaul("verify", lake.config, "--rebuild", *["--deep"] * deep)
        assert rebuilt.code == 0, rebuilt.err
        files = {name: found for name, found in objects.items() if name.endswith(".gz")}
        assert read() == (2 * len(files) if deep else 0)
        again = backhaul("run", lake.config, "--json")
        assert (again.code, again.json["jobs"][0]["files"]["fetched"]) == (0, 0), again.err
        assert read() == (2 * len(files) if deep else 0)
        assert backhaul("verify", lake.config).code == 0
    lake.bench.write(settings__store={"endpoint": weed.url})
    assert {name: found for name, found in lake.listed().items() if name in files} == files
    after = backhaul("files", lake.config, "--json").json["jobs"][0]["files"]
    for each in (*before, *after):
        del each["proof"]  # the bytes alone show less
    assert after == before


def test_an_archive_is_copied_to_a_store_and_back_without_a_download(
    weed: Store, backhaul: Run, fetched_day: Bench
) -> None:
    config, job = fetched_day.path, fetched_day.archive / "worldcup"
    there = f"s3://{PRIVATE}/copy/{secrets.token_hex(4)}"
    to_store = ("copy", config, "--to", there, "--store", f"endpoint={weed.url}")
    name = next(path for path in sorted(job.rglob("*.json.gz")))
    data = name.read_bytes()
    name.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    first = backhaul(*to_store, "--json")

    (problem,) = first.json["jobs"][0]["problems"]
    assert (first.code, problem["kind"], problem["file"]) == (8, "corrupt", name.name)
    name.write_bytes(data)
    again = backhaul(*to_store, "--json").json["jobs"][0]
    assert (again["copied"], again["problems"]) == (1, [])
    assert again["present"] == first.json["jobs"][0]["copied"]
    fetched_day.document["settings"] |= {"dest": there, "store": {"endpoint": weed.url}}
    fetched_day.write()
    checked = backhaul("verify", config, "--deep")
    assert (checked.code, "all intact" in checked.out) == (0, True), checked.err
    gaps = backhaul("gaps", config, "--json").json["jobs"][0]["slots"]
    assert {each["state"] for each in gaps} == {"silent"}
    assert backhaul("copy", config, "--to", "back").code == 0
    copied, kept = (
        {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        for folder in (config.parent / "back/worldcup", job)
    )
    assert copied == kept
    assert backhaul("copy", config, "--to", there).code == 2, "it is there already"
    refused = backhaul("copy", config, "--to", "s3://key:secret@bucket")
    assert (refused.code, "must not contain credentials" in refused.err) == (2, True)
    assert "secret@" not in refused.err


def test_a_copy_to_a_folder_is_read_back_before_it_is_published(
    lake: Lake, weed: Store, backhaul: Run
) -> None:
    assert backhaul("run", lake.config).code == 0
    names = sorted(name for name in lake.listed() if name.endswith(".gz"))
    there = lake.config.parent / "there" / names[0]
    part = there.with_name(f"{there.name}.part")

    def decay() -> None:
        data = part.read_bytes()
        part.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    def while_the_next_is_read(asked: Asked) -> Fault | None:
        return Fault(then=decay) if asked.method == "GET" and names[1] in asked.path else None

    with faulty_proxy(weed.url, while_the_next_is_read) as proxy:
        lake.bench.write(settings__store={"endpoint": proxy.url})
        first = backhaul("copy", lake.config, "--to", "there", "--json")
        (problem,) = first.json["jobs"][0]["problems"]
        assert (first.code, problem["kind"]) == (9, "disk"), first.err
        assert f"worldcup/{problem['file']}" == names[0]
        assert (there.exists(), part.exists()) == (False, False)
        proxy.rule = lambda _: None
        second = backhaul("copy", lake.config, "--to", "there", "--json").json["jobs"][0]
    assert (second["copied"], second["present"], second["problems"]) == (1, len(names) - 1, [])
    assert all((there.parent.parent / name).read_bytes() == lake.read(name) for name in names)


def test_a_copy_names_the_number_of_files_that_are_known_to_be_damaged(
    backhaul: Run, fetched_day: Bench
) -> None:
    bad, *others = sorted((fetched_day.archive / "worldcup").rglob("*.json.gz"))
    bad.write_bytes(bad.read_bytes()[:-1])
    assert backhaul("verify", fetched_day.path).code == 8

    ended = backhaul("copy", fetched_day.path, "--to", "there")
    copied = backhaul("copy", fetched_day.path, "--to", "there", "--json").json["jobs"][0]

    assert (ended.code, "1 file left out: corrupt, see" in ended.out) == (0, True)
    assert (copied["left_out"], copied["present"]) == (1, len(others))


@pytest.mark.matrix
def test_a_copy_that_fails_leaves_no_parts(lake: Lake, weed: Store, backhaul: Run) -> None:
    assert backhaul("run", lake.config).code == 0
    last = max(name for name in lake.listed() if name.endswith(".gz"))
    refuse = faulty_proxy(weed.url, lambda asked: Fault(status=403) if last in asked.path else None)
    with refuse as proxy:
        lake.bench.write(settings__store={"endpoint": proxy.url})
        ended = backhaul("copy", lake.config, "--to", "there")

    assert ended.code == 4, ended.err
    there = lake.config.parent / "there"
    assert list(there.rglob("*.part")) == []


def test_one_file_that_cannot_be_read_does_not_stop_a_copy(
    backhaul: Run, fetched_day: Bench
) -> None:
    pipe, *others = sorted((fetched_day.archive / "worldcup").rglob("*.json.gz"))
    pipe.unlink()
    os.mkfifo(pipe)

    ended = backhaul("copy", fetched_day.path, "--to", "there", "--json")

    copied = ended.json["jobs"][0]
    (problem,) = copied["problems"]
    assert (ended.code, problem["kind"], copied["copied"]) == (9, "disk", len(others)), ended.err
    assert "is a named pipe, not a file" in problem["message"]
    there = fetched_day.path.parent / "there/worldcup"
    assert {path.name for path in there.glob("*.gz*")} == {path.name for path in others}


@pytest.mark.matrix
def test_a_copy_looks_at_what_it_has_stored_and_can_be_repeated(
    weed: Store, backhaul: Run, fetched_day: Bench
) -> None:
    config, prefix = fetched_day.path, f"copy/{secrets.token_hex(4)}"
    names = sorted(path.name for path in (fetched_day.archive / "worldcup").rglob("*.json.gz"))
    client = S3Store(
        PRIVATE, endpoint=weed.url, access_key_id=KEY, secret_access_key=SECRET,
        client_options={"allow_http": True},
    )  # fmt: skip

    def replace_object(asked: Asked) -> Fault | None:
        if asked.method == "PUT" and asked.path.endswith(names[-1] or "-"):
            return Fault(then=lambda: weed.put(PRIVATE, f"{prefix}/worldcup/{names[0]}", b"other"))
        return None

    with faulty_proxy(weed.url, replace_object) as proxy:
        to = ("--to", f"s3://{PRIVATE}/{prefix}", "--store", f"endpoint={proxy.url}")
        first = backhaul("copy", config, *to, "--json")
        (problem,) = first.json["jobs"][0]["problems"]
        assert (first.code, problem["file"], problem["kind"]) == (9, names[0], "store")
        names.append("")  # nothing is meddled with any more
        second = backhaul("copy", config, *to, "--json").json["jobs"][0]
        assert (second["copied"], second["problems"]) == (1, [])
        sent = proxy.count("PUT", "worldcup/2")
        third = backhaul("copy", config, *to, "--json").json["jobs"][0]
        assert (third["copied"], third["present"]) == (0, len(names) - 1)
        workspace = f".backhaul/s3-{PRIVATE}-{prefix.replace('/', '-')}"
        shutil.rmtree(config.parent / workspace)  # as if interrupted before it was recorded
        obstore.delete(client, f"{prefix}/{SNAPSHOT}")
        fourth = backhaul("copy", config, *to, "--json").json["jobs"][0]
        assert (fourth["copied"], fourth["problems"]) == (len(names) - 1, [])
        assert proxy.count("PUT", "worldcup/2") == sent, "nothing is sent again"


def test_a_store_that_refuses_fails_only_its_job(
    lake: Lake, backhaul: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret")

    result = backhaul("run", lake.config, "--json")

    (failure,) = result.json["jobs"][0]["failures"]
    assert (result.code, failure["kind"]) == (4, "denied")
    assert f"s3://{PRIVATE}/{lake.prefix}" in failure["message"]
    assert "a-wrong-secret" not in result.out + result.err
    assert lake.bench.file_requests() == 0
    text = backhaul("run", lake.config).out
    assert text.count("check the store's credentials and the bucket's policy") == 1
    assert FailureKind.DENIED.advice not in text, "those of the source are not at fault"


@pytest.mark.parametrize("package", ["obstore", "botocore"])
def test_a_missing_package_ends_the_run_at_once(
    lake: Lake, backhaul: Run, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    since = time.monotonic()

    result = backhaul("run", lake.config, "--json")

    (failure,) = result.json["jobs"][0]["failures"]
    assert (result.code, failure["kind"]) == (2, "config")
    assert f"needs {package}: " in failure["message"]
    assert "pip install" in failure["message"]
    assert time.monotonic() - since < 10


def test_uploads_that_cannot_be_cleaned_up_end_the_job(
    lake: Lake, backhaul: Run, weed: Store
) -> None:
    parts = LocalParts(lake.workspace / "parts/worldcup")
    parts.write_part("large.json.gz", bytes(LARGE + 1))  # left by a run that was killed
    parts.close()

    def refuse(asked: Asked) -> Fault | None:
        listing = "?uploads" in asked.path and asked.method == "GET"
        return Fault(status=403, code="AccessDenied") if listing else None

    with faulty_proxy(weed.url, refuse) as proxy:
        lake.bench.write(settings__store={"endpoint": proxy.url})
        since = time.monotonic()
        result = backhaul("run", lake.config, "--json")
        assert proxy.count("GET", "?uploads") == 1

    (failure,) = result.json["jobs"][0]["failures"]
    assert (result.code, failure["kind"]) == (4, "denied")
    assert "returned 403 (AccessDenied)" in failure["message"]
    assert time.monotonic() - since < 20
    assert lake.bench.file_requests() == 0


def test_a_job_that_another_workspace_takes_over_uploads_nothing_more(
    lake: Lake, backhaul: Run, weed: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_RENEWED", 0.2)
    lease = ".backhaul/leases/worldcup.json"

    def take_over(asked: Asked) -> Fault | None:
        if "list-type=2" not in asked.path or lease not in lake.listed(own=True):
            return None
        lake.put(lease, b"another workspace's")
        return Fault(wait=2)

    with faulty_proxy(weed.url, take_over) as proxy:
        lake.bench.write(settings__store={"endpoint": proxy.url})
        result = backhaul("run", lake.config, "--json")

    (failure,) = result.json["jobs"][0]["failures"]
    assert (result.code, failure["kind"]) == (11, "locked")
    assert "was taken over by another workspace" in failure["message"]
    assert {name for name in lake.listed(own=True) if "ledger" not in name} == {lease}
    assert lake.read(lease) == b"another workspace's"
    lake.delete(lease)
    again = backhaul("run", lake.bench.write(settings__store={"endpoint": weed.url}))
    assert again.code == 0, again.err
    assert backhaul("verify", lake.config, "--deep").code == 0


def test_doctor_lists_and_writes_a_store_and_leaves_nothing_behind(
    lake: Lake, backhaul: Run
) -> None:
    found = backhaul("doctor", lake.config, "--json")

    (store,) = [each for each in found.json["checks"] if each["check"] == "store"]
    assert (found.code, store["state"]) == (0, "ok"), found.out
    assert lake.listed(own=True) == {}
    assert not lake.workspace.exists()


@pytest.mark.parametrize(
    ("fault", "failure"),
    [("secret", ("store", 4)), ("bucket", ("store", 9)), ("port", ("connection", 6))],
)
def test_doctor_names_what_is_wrong_with_a_store(
    lake: Lake, backhaul: Run, monkeypatch: pytest.MonkeyPatch, fault: str, failure: tuple[str, int]
) -> None:
    if fault == "secret":
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    elif fault == "bucket":
        lake.bench.write(settings__dest="s3://no-such-bucket/x")
    else:
        lake.bench.write(settings__store={"endpoint": "http://127.0.0.1:9"})

    found = backhaul("doctor", lake.config, "--json")

    failed = [each for each in found.json["checks"] if each["state"] == "failed"]
    assert [(each["check"], each["exit_code"]) for each in failed] == [failure], found.out


def test_a_roll_up_of_a_store_is_kept_in_it(lake: Lake, backhaul: Run) -> None:
    assert backhaul("run", lake.config).code == 0

    rolled = backhaul("rollup", lake.config, "--to", "day", "--json")

    assert rolled.code == 0, rolled.err
    (job,) = rolled.json["jobs"]
    (made,) = job["outputs"]
    url = f"s3://{PRIVATE}/{lake.prefix}/worldcup.rollup"
    assert (job["folder"], made["state"]) == (url, "written")
    data = lake.read(f"worldcup.rollup/{made['file']}")
    assert hashlib.sha256(data).hexdigest() == made["sha256"]
    assert len(gzip.decompress(data).splitlines()) == made["records"]
    assert lake.read("worldcup.rollup/day/jsonl.gz/_SHA256SUMS").decode().startswith(made["sha256"])
    objects = lake.listed(own=True)
    again = backhaul("rollup", lake.config, "--to", "day", "--json")
    assert again.json["jobs"][0]["outputs"][0]["state"] == "up_to_date"
    assert lake.listed(own=True) == objects, "nothing is put, and the lock is gone"
    left = [path for path in (lake.workspace / "worldcup.rollup").rglob("*") if path.is_file()]
    assert [path.name for path in left] in ([], ["_MANIFEST.jsonl"])
    here = lake.config.parent / "rolled"
    assert backhaul("rollup", lake.config, "--to", "day", "-o", here).code == 0
    assert (here / "worldcup.rollup" / made["file"]).read_bytes() == data
    lake.delete(f"worldcup.rollup/{made['file']}")
    third = backhaul("rollup", lake.config, "--to", "day", "--json")
    assert third.json["jobs"][0]["outputs"][0]["state"] == "written"


@pytest.mark.matrix
def test_tables_that_a_provider_derives_are_made_from_a_store(
    weed: Store, backhaul: Run, tmp_path: Path
) -> None:
    with emulator("massrelevance-meta") as one:
        bench = Bench.over(one, tmp_path / "home/meta.yaml")
        (job,) = bench.document["jobs"].values()
        job |= {"from": "2012-09-26", "to": "2012-09-29", "every": "1d", "formats": ["json"]}
        local = bench.write()
        assert backhaul("run", local).code == 0
        assert backhaul("rollup", local, "--to", "day").code == 0
        tables = sorted(bench.archive.glob("*.rollup/tables/*.csv"))
        assert tables
        lake = Lake(bench, weed)
        assert backhaul("run", lake.config).code == 0
        rolled = backhaul("rollup", lake.config, "--to", "day", "--json")
        assert rolled.code == 0, rolled.err
        for table in tables:
            name = table.relative_to(bench.archive).as_posix()
            assert lake.read(name) == table.read_bytes()
        assert list(lake.workspace.glob("copies-*")) == []
        assert backhaul("report", lake.config, "-o", tmp_path / "report.html").code == 0


def test_libraries_print_nothing_when_a_large_file_is_stored(
    weed: Store, backhaul: Run, tmp_path: Path
) -> None:
    line = b'"%s"\n' % (b"x" * 5000)
    files = {"1.json.gz": gzip.compress(line * (LARGE // len(line) + 1000), compresslevel=0)}
    path = tmp_path / "days.yaml"
    with served(tmp_path / "www", files) as web:
        path.write_text(days.config(web, weed.url, days=1))
        ended = backhaul("run", path)

    assert len(files["1.json.gz"]) > LARGE
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.matrix
def test_the_demo_works_against_a_store(weed: Store, backhaul: Run) -> None:
    dest = f"s3://{PRIVATE}/demo/{secrets.token_hex(4)}"

    shown = backhaul("demo", "--dest", dest, "--store", f"endpoint={weed.url}")

    assert shown.code == 0, shown.err
    assert f"The files are in {dest}" in shown.out
    assert "the second made 0" in shown.out or "for missing files that may still" in shown.out
    assert backhaul("demo", "--dest", "s3://key:secret@bucket").code == 2
