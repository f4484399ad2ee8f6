"""The commands on an archive in an object store: a real one, on loopback."""

import gzip
import hashlib
import json
import secrets
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store
from tests.e2e.conftest import Bench, Ended
from tests.faulty_proxy import Asked, Fault, faulty_proxy
from tests.seaweed import KEY, PRIVATE, SECRET, Store, seaweed, use_keys

import backhaul as library
from backhaul.errors import FailureKind
from backhaul.ledger.schema import VERSION
from backhaul.storage.parts import LocalParts
from backhaul.storage.stores import leases
from backhaul.storage.stores.publishing import LARGE
from backhaul.testing.serve import emulator


@pytest.fixture(scope="module")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A running SeaweedFS."""
    with seaweed(tmp_path_factory.mktemp("weed")) as running:
        yield running


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use_keys(monkeypatch)


class Lake:
    """A day of HPT whose destination is a prefix of a store.

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
        """ETag and time of each object; ``own``: those of backhaul itself too."""
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
    with emulator("gnip-hpt", silent=0.05) as one:
        yield Lake(Bench.over(one, tmp_path / "home/hpt.yaml"), weed)


Run = Callable[..., Ended]


def test_a_day_is_in_the_store_byte_for_byte_and_a_second_run_puts_nothing(
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


def test_what_is_looked_at_offline_is_there_too(lake: Lake, backhaul: Run) -> None:
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


@pytest.mark.parametrize("how", ["replaced", "deleted"])
def test_what_was_changed_behind_our_back_is_found_and_fetched_again(
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


def test_an_object_that_the_ledger_does_not_know_stays(lake: Lake, backhaul: Run) -> None:
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


def test_the_files_of_a_renamed_job_are_kept_by_moving_its_objects(
    lake: Lake, backhaul: Run
) -> None:
    assert backhaul("run", lake.config).code == 0
    asked = lake.bench.file_requests()
    jobs = lake.bench.document["jobs"]
    jobs["cup"] = jobs.pop("worldcup")
    lake.bench.write()

    told = backhaul("run", lake.config, "--json")

    url = f"s3://{PRIVATE}/{lake.prefix}"
    (failure,) = told.json["jobs"][0]["failures"]
    assert (told.code, "mv " in failure["message"]) == (2, False), told.err
    assert f"move all objects below {url}/worldcup/ to {url}/cup/" in failure["message"]
    names = [name for name in lake.listed() if name.startswith("worldcup/")]
    for name in names:
        moved = name.replace("worldcup/", "cup/", 1)
        obstore.rename(lake.store, f"{lake.prefix}/{name}", f"{lake.prefix}/{moved}")
    again = backhaul("run", lake.config, "--json")
    assert (again.code, lake.bench.file_requests()) == (0, asked), again.err
    assert again.json["jobs"][0]["files"]["fetched"] == 0
    assert backhaul("verify", lake.config, "--deep").code == 0


def test_a_snapshot_that_another_workspace_wrote_stays(
    lake: Lake, backhaul: Run, tmp_path: Path
) -> None:
    name = ".backhaul/ledger.sqlite.gz"
    here = lake.workspace
    assert backhaul("run", lake.config).code == 0
    there = tmp_path / "there"
    shutil.copytree(here, there)
    changed = next(each for each in sorted(lake.listed()) if each.endswith(".json.gz"))

    def change_and_run() -> Ended:
        lake.delete(changed)
        ended = backhaul("run", lake.config)
        assert (ended.code, changed in lake.listed()) == (0, True), ended.err
        return ended

    mine = lake.read(name)
    assert "not saved" not in change_and_run().err
    theirs = lake.read(name)
    assert theirs != mine
    shutil.rmtree(here)
    there.rename(here)  # as on another machine, which last saw the earlier snapshot

    kept = change_and_run()

    assert f"/{name} was written by another workspace: give each machine a dest" in kept.err
    assert lake.read(name) == theirs
    assert "was written by another workspace" in backhaul("run", lake.config).err
    lake.delete(name)
    assert "another workspace" not in backhaul("run", lake.config).err
    assert lake.read(name) not in {mine, theirs}
    shutil.rmtree(here)
    assert "continuing with the snapshot" in backhaul("run", lake.config).err
    assert "another workspace" not in change_and_run().err, "what was read may be replaced"


@pytest.mark.parametrize("stored", [True, False])
def test_a_snapshot_whose_writing_was_interrupted_is_still_known(
    lake: Lake, backhaul: Run, *, stored: bool
) -> None:
    assert backhaul("run", lake.config).code == 0
    changed = next(each for each in sorted(lake.listed()) if each.endswith(".json.gz"))
    lost = lake.config.parent / "lost"

    def interrupt(asked: Asked) -> Fault | None:
        if asked.method != "PUT" or not asked.path.endswith("ledger.sqlite.gz"):
            return None
        if not lost.exists():
            shutil.copy(lake.workspace / "snapshot.sha256", lost)
        return None if stored else Fault(status=403)

    with faulty_proxy(lake.bench.document["settings"]["store"]["endpoint"], interrupt) as proxy:
        lake.delete(changed)
        before = lake.bench.document["settings"]["store"]
        lake.bench.write(settings__store={"endpoint": proxy.url})
        assert backhaul("run", lake.config).code == 0
    shutil.copy(lost, lake.workspace / "snapshot.sha256")  # as if killed at that moment
    lake.delete(changed)

    again = backhaul("run", lake.bench.write(settings__store=before))

    assert (again.code, "another workspace" in again.err) == (0, False), again.err


def test_a_snapshot_of_a_newer_version_is_refused_by_name(lake: Lake, backhaul: Run) -> None:
    assert backhaul("run", lake.config).code == 0
    newer = lake.config.parent / "newer.sqlite"
    newer.write_bytes(gzip.decompress(lake.read(".backhaul/ledger.sqlite.gz")))
    with closing(sqlite3.connect(newer)) as ledger:
        ledger.execute("ALTER TABLE files ADD COLUMN later TEXT")
        ledger.execute(f"PRAGMA user_version = {VERSION + 1}")
    lake.put(".backhaul/ledger.sqlite.gz", gzip.compress(newer.read_bytes()))
    shutil.rmtree(lake.workspace)

    result = backhaul("run", lake.config, "--json")

    assert result.code == 9
    (failure,) = result.json["jobs"][0]["failures"]
    assert "/.backhaul/ledger.sqlite.gz: written by a newer backhaul" in failure["message"]
    assert not (lake.workspace / "ledger.sqlite").exists()


def test_the_ledger_is_rebuilt_from_the_objects(lake: Lake, backhaul: Run) -> None:
    assert backhaul("run", lake.config).code == 0
    objects = lake.listed()
    shutil.rmtree(lake.workspace)
    lake.delete(".backhaul/ledger.sqlite.gz")

    rebuilt = backhaul("verify", lake.config, "--rebuild")

    assert rebuilt.code == 0, rebuilt.err
    again = backhaul("run", lake.config, "--json")
    assert (again.code, again.json["jobs"][0]["files"]["fetched"]) == (0, 0), again.err
    files = {name: found for name, found in lake.listed().items() if name.endswith(".gz")}
    assert files == {name: found for name, found in objects.items() if name.endswith(".gz")}


def test_an_archive_is_copied_to_a_store_and_back_without_a_download(
    weed: Store, backhaul: Run, day_at_home: Bench
) -> None:
    config, job = day_at_home.path, day_at_home.archive / "worldcup"
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
    day_at_home.document["settings"] |= {"dest": there, "store": {"endpoint": weed.url}}
    day_at_home.write()
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


def test_a_store_that_refuses_ends_the_job_alone(
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
    parts.write_part("large.json.gz", bytes(LARGE + 1))  # of a run that was killed
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
    assert "answers 403 (AccessDenied)" in failure["message"]
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


def test_doctor_lists_and_writes_a_store_and_leaves_nothing(lake: Lake, backhaul: Run) -> None:
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
