"""Which files on disk are adopted although the ledger does not know them."""

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from backhaul.run.reuse_existing import adoptable
from backhaul.storage.destination import Staged
from backhaul.storage.folder import JobFolder
from backhaul.types import RemoteFile
from backhaul.verify.bounded import ContentLimits

SPOILT = b'{"id": 1}\n' + b"\0" * 40 + b'\n{"id": 2}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[JobFolder]:
    opened = JobFolder(tmp_path / "job")
    yield opened
    opened.close()


def put(folder: JobFolder, name: str, data: bytes) -> None:
    folder.write_part(name, data)
    folder.publish([Staged(name)])


def test_bad_records_in_an_intact_container_are_the_providers(folder: JobFolder) -> None:
    put(folder, "a.gz", gzip.compress(SPOILT))
    content = adoptable(folder, "a.gz", RemoteFile("a.gz"), ContentLimits())
    assert content is not None
    assert content.bad_records == 1


def test_bad_records_with_the_right_checksum_are_the_providers(folder: JobFolder) -> None:
    put(folder, "a", SPOILT)
    checksum = f"sha256:{hashlib.sha256(SPOILT).hexdigest()}"
    assert adoptable(
        folder, "a", RemoteFile("a", content="jsonl", checksum=checksum), ContentLimits()
    )


def test_bad_records_of_the_right_length_may_be_disk_damage(folder: JobFolder) -> None:
    put(folder, "a", SPOILT)
    file = RemoteFile("a", content="jsonl", size=len(SPOILT))
    assert adoptable(folder, "a", file, ContentLimits()) is None
    put(folder, "b", SPOILT.replace(b"\0", b" "))
    assert adoptable(
        folder, "b", RemoteFile("b", content="jsonl", size=len(SPOILT)), ContentLimits()
    )
