"""The files that a run writes next to a job's files."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from backhaul.archive.manifest.lines import sum_line
from backhaul.archive.manifest.write import write_manifest
from backhaul.ledger.ledger import Ledger
from backhaul.names import key
from backhaul.storage.folder import JobFolder
from backhaul.types import RemoteFile, SlotState

NAMES = ("MANIFEST.jsonl", "SHA256SUMS", "datapackage.json")
NIGHT = datetime(2014, 6, 12, tzinfo=UTC)
TEN = timedelta(minutes=10)


class Job:
    """A job with files on disk and in the ledger."""

    def __init__(self, dest: Path) -> None:
        self.dest = dest
        self.folder = dest / "cup"
        self.folder.mkdir(parents=True)
        self.ledger = Ledger(dest / ".backhaul")
        self.id = self.ledger.jobs.open("cup", source="gnip", provider="gnip-hpt")

    def add(self, name: str, data: bytes, slot: int | None, *, content: str = "bytes") -> None:
        start = None if slot is None else NIGHT + slot * TEN
        end = None if start is None else start + TEN
        self.ledger.files.add(self.id, [RemoteFile(name, start=start, end=end, content=content)])
        self.renew(name, data)

    def renew(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data)
        self.ledger.files.save_done(
            [
                (
                    SlotState.VERIFIED, len(data), sha256(data).hexdigest(), 3, '"etag"',
                    f"https://files.example/{name}", None, 1_700_000_000, 4, self.id, key(name),
                )
            ]
        )  # fmt: skip
        self.ledger.commit()

    def write(self) -> bool:
        row = self.ledger.jobs.get("cup")
        assert row is not None
        with closing(JobFolder(self.folder, durable=False)) as folder:
            return write_manifest(self.ledger, row, folder)

    def entries(self) -> list[dict[str, Any]]:
        lines = (self.folder / "MANIFEST.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def bytes(self) -> list[bytes]:
        return [(self.folder / name).read_bytes() for name in NAMES]


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    made = Job(tmp_path / "archive")
    yield made
    made.ledger.close()


def test_each_file_has_a_line_with_everything_known_about_it(job: Job) -> None:
    job.add("a.gz", b"abc", 0)
    assert job.write()
    assert job.entries() == [
        {
            "file": "a.gz",
            "slot": {"start": "2014-06-12T00:00:00Z", "end": "2014-06-12T00:10:00Z"},
            "state": "verified",
            "size": 3,
            "sha256": sha256(b"abc").hexdigest(),
            "records": 3,
            "validator": '"etag"',
            "fetched_at": "2023-11-14T22:13:20Z",
            "source": "https://files.example/a.gz",
            "proof": ["container"],
        }
    ]


def test_files_are_sorted_by_slot_then_name_regardless_of_arrival(job: Job) -> None:
    for name, slot in (("c", 2), ("b", 0), ("z", None), ("a", 2)):
        job.add(name, b"x", slot)
    job.write()
    assert [entry["file"] for entry in job.entries()] == ["z", "b", "a", "c"]


def test_absent_files_are_only_in_the_manifest(job: Job) -> None:
    job.add("a", b"x", 0)
    job.ledger.files.add(job.id, [RemoteFile("b", start=NIGHT, end=NIGHT + TEN)])
    job.ledger.files.save_failed(
        job.id, "b", state=SlotState.MISSING, kind="not_found", message="404"
    )
    job.write()
    assert [(e["file"], e["state"], e["sha256"]) for e in job.entries()][1] == (
        "b",
        "missing",
        None,
    )
    assert len((job.folder / "SHA256SUMS").read_text().splitlines()) == 1
    package = json.loads((job.folder / "datapackage.json").read_text())
    assert [resource["path"] for resource in package["resources"]] == ["a"]


def test_sha256sum_accepts_the_sums(job: Job) -> None:
    for name in ("plain.gz", "sub/deep.gz", "with space and *", "ümlaut ☃.gz", "-dash"):
        job.add(name, name.encode(), 0)
    job.write()
    checked = subprocess.run(
        ["sha256sum", "-c", "--strict", "SHA256SUMS"],
        cwd=job.folder,
        check=False,
        capture_output=True,
    )
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count(b": OK") == 5


@pytest.mark.parametrize("name", ["back\\slash", "line\nend", "return\rhere", "\\n", "plain"])
def test_special_characters_are_escaped_as_sha256sum_does(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    done = subprocess.run(
        ["sha256sum", "--", name], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    theirs = done.stdout
    if "\r" in name and not theirs.startswith("\\"):
        pytest.skip("this sha256sum is older than 9.0 and leaves carriage returns as they are")
    assert sum_line(name, sha256(b"x").hexdigest()) == theirs


def test_the_data_package_describes_each_file(job: Job) -> None:
    job.add("Día/20140612.json.gz", b"x", 0, content="jsonl.gz")
    job.add("snapshot.xml", b"x", 1, content="xml")
    job.write()
    package = json.loads((job.folder / "datapackage.json").read_text())
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert (package["name"], package["sources"]) == ("cup", [{"title": "gnip-hpt: gnip"}])
    first, second = package["resources"]
    assert first["name"].startswith("d-a-20140612.json.gz-")
    assert first | {"name": ""} == {
        "name": "",
        "path": "Día/20140612.json.gz",
        "bytes": 1,
        "hash": f"sha256:{sha256(b'x').hexdigest()}",
        "format": "jsonl",
        "mediatype": "application/x-ndjson",
        "compression": "gz",
        "encoding": "utf-8",
    }
    assert (second["name"], second["format"]) == ("snapshot.xml", "xml")


def test_resource_names_are_unique_even_if_paths_differ_only_in_special_characters(
    job: Job,
) -> None:
    for name in ("a b", "a+b", "a/b", "a-b"):
        job.add(name, b"x", 0)
    job.write()
    package = json.loads((job.folder / "datapackage.json").read_text())
    assert len({resource["name"] for resource in package["resources"]}) == 4


def test_nothing_is_rewritten_while_nothing_has_changed(job: Job) -> None:
    job.add("a", b"x", 0)
    assert job.write()
    before = [(job.folder / name).stat().st_ino for name in NAMES]
    assert not job.write()
    assert [(job.folder / name).stat().st_ino for name in NAMES] == before


def change_bytes(job: Job) -> None:
    job.renew("a", b"y")


def fail(job: Job) -> None:
    job.ledger.files.save_failed(
        job.id, "a", state=SlotState.CORRUPT, kind="corrupt", message="flipped"
    )


def add(job: Job) -> None:
    job.add("b", b"x", 1)


def move_slot(job: Job) -> None:
    job.ledger.files.renew(job.id, [(1, RemoteFile("a", start=NIGHT + TEN, end=NIGHT + 2 * TEN))])


def delete_sums(job: Job) -> None:
    (job.folder / "SHA256SUMS").unlink()


def cut_manifest(job: Job) -> None:
    (job.folder / "MANIFEST.jsonl").write_bytes(b"")


def edit_manifest(job: Job) -> None:
    path = job.folder / "MANIFEST.jsonl"
    path.write_bytes(path.read_bytes().replace(b"verified", b"VERIFIED"))


CHANGES = [change_bytes, fail, add, move_slot, delete_sums, cut_manifest, edit_manifest]


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_rewrites_it(job: Job, change: Any) -> None:
    job.add("a", b"x", 0)
    job.write()
    change(job)
    assert job.write()
    assert not job.write()


def test_the_same_ledger_gives_the_same_bytes(job: Job) -> None:
    for slot in range(50):
        job.add(f"f{slot}", b"%d" % slot, slot % 7)
    job.write()
    before = job.bytes()
    for name in NAMES:
        (job.folder / name).unlink()
    job.write()
    assert job.bytes() == before


def test_a_job_without_files_has_no_checksums_and_no_data_package(job: Job) -> None:
    job.add("a", b"x", 0)
    job.write()
    job.ledger.files.save_failed(
        job.id, "a", state=SlotState.MISSING, kind="not_found", message="404"
    )
    job.write()
    assert [(job.folder / name).exists() for name in NAMES] == [True, False, False]


def test_no_unfinished_file_is_left_behind(job: Job) -> None:
    job.add("a", b"x", 0)
    job.write()
    assert sorted(path.name for path in job.folder.iterdir()) == sorted([*NAMES, "a"])
