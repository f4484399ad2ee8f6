"""One file per container: a run publishes the good ones, reports the others, and retries only these."""

import pytest
from tests.core.transfer.test_containers import ENDING, LARGE, SMALL, made
from tests.listed import Archive, sha256
from tests.usual import usual

from backhaul.errors import FailureKind
from backhaul.types import Proof
from backhaul.verify.frames import zstd


@pytest.mark.parametrize("text", usual([SMALL, LARGE], SMALL), ids=["small", "large"])
def test_a_run_accepts_or_refuses_files_of_each_container(archive: Archive, text: bytes) -> None:
    wanted: dict[str, FailureKind | None] = {}
    entries = []
    for content in ENDING:
        data = made(content, text)
        place = len(data) * 2 // 3
        flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        unchecked = content in {"tar", "parquet"}  # their content has no checksum
        for name, stored, kind, more in (
            (f"good.{content}", data, None, {}),
            (f"short.{content}", data[:-1], FailureKind.TRUNCATED, {}),
            (
                f"flipped.{content}", flipped, FailureKind.CORRUPT,
                {"checksum": sha256(data)} if unchecked else {},
            ),
        ):  # fmt: skip
            archive.shelf.storage.put(name, stored)
            wanted[name] = kind
            entries.append((name, {"content": content, **more}))
    archive.lists(*entries)

    first, second = archive.run(), archive.run()

    failures = {failure.file: failure.kind for failure in first.failures}
    assert failures == {name: kind for name, kind in wanted.items() if kind is not None}
    assert (first.exit_code, first.files.fetched) == (8, len(ENDING))
    assert (second.files.fetched, second.files.skipped) == (0, len(ENDING))
    assert {name for name, _ in archive.asked} == set(failures)
    assert {path.name for path in archive.job.iterdir()} >= {f"good.{each}" for each in ENDING}
    assert not any(archive.here(name) for name in failures)
    assert {problem.file for problem in archive.verify().problems} == set(failures)
    for content in ENDING:
        proof = Proof(archive.rows()[f"good.{content}"].proof or 0)
        ends = Proof.END if content in {"tar", "parquet"} else Proof.CONTAINER
        assert proof & (Proof.END | Proof.CONTAINER) == ends


def test_files_on_disk_are_adopted_by_their_container(archive: Archive) -> None:
    archive.job.mkdir(parents=True)
    for content in ENDING:
        (archive.job / f"a.{content}").write_bytes(made(content, SMALL))
    (archive.job / "b.bz2").write_bytes(made("bz2", SMALL)[:-1])
    archive.shelf.storage.put("b.bz2", made("bz2", SMALL))
    archive.lists(
        *((f"a.{each}", {"content": each}) for each in ENDING), ("b.bz2", {"content": "bz2"})
    )

    result = archive.run()

    assert (result.exit_code, result.files.fetched) == (0, 1)
    assert {name for name, _ in archive.asked} == {"b.bz2"}


def test_a_frame_without_a_checksum_proves_its_end_only(archive: Archive) -> None:
    archive.shelf.storage.put("a.jsonl.zst", bytes(zstd().compress(SMALL)))
    archive.lists(("a.jsonl.zst", {"content": "jsonl.zst"}))

    assert archive.run().exit_code == 0

    assert Proof(archive.rows()["a.jsonl.zst"].proof or 0).words() == ["length", "records", "end"]


def test_an_archive_is_rebuilt_by_the_suffixes_of_its_files(archive: Archive) -> None:
    names = [each for each in ENDING if each != "gz"]  # which is treated as lines
    for content in names:
        archive.shelf.storage.put(f"a.{content}", made(content, SMALL))
    archive.lists(*((f"a.{each}", {"content": each}) for each in names))
    assert archive.run().exit_code == 0

    archive.rebuild()

    assert {row.name[2:]: row.content for row in archive.rows().values()} == dict(
        zip(names, names, strict=True)
    )
    assert (archive.run().files.fetched, archive.asked) == (0, [])
