"""A listing that contradicts present files is acted on; other changes are recorded."""

import gzip
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.listed import Archive, lines, md5, sha256

from backhaul.run.driver import Driver
from backhaul.types import Proof

OLD, NEW = lines(1), lines(2, 40)
OTHER = lines(3)  # same length as OLD
CHANGES = {
    "size": ({"size": len(OLD)}, {"size": len(NEW)}),
    "a size that was not known": ({}, {"size": len(NEW)}),
    "sha256": ({"checksum": sha256(OLD)}, {"checksum": sha256(NEW)}),
    "a sha256 that was not known": ({}, {"checksum": sha256(NEW)}),
    "md5": ({"checksum": md5(OLD)}, {"checksum": md5(NEW)}),
    "an md5 that was not known": ({}, {"checksum": md5(NEW)}),
    "version": ({"version": "1"}, {"version": "2"}),
    "records": ({"records": 3}, {"records": 40}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_version_is_fetched_and_replaces_the_old_one(archive: Archive, change: str) -> None:
    before, after = CHANGES[change]
    archive.gives(a=OLD)
    archive.lists(a=before)
    assert archive.run().exit_code == 0
    archive.gives(a=NEW)
    archive.lists(a=after)
    result = archive.run()
    assert (result.exit_code, result.files.fetched, result.files.replaced) == (0, 1, 1)
    assert archive.here("a.gz") == NEW
    assert archive.rows()["a.gz"].sha256 == sha256(NEW).removeprefix("sha256:")
    assert archive.run().files.skipped == 1
    assert archive.asked == []


@pytest.mark.parametrize(
    ("more", "proof"),
    [
        ({"size": len(OLD)}, Proof.LISTED_SIZE),
        ({"checksum": sha256(OLD)}, Proof.CHECKSUM),
        ({"checksum": md5(OLD)}, Proof.CHECKSUM),
        ({"version": "1"}, Proof.NONE),
        ({"records": 3}, Proof.NONE),
        ({"start": datetime(2014, 5, 17, tzinfo=UTC), "end": datetime(2014, 5, 18, tzinfo=UTC)}, Proof.NONE),
        ({"meta": {"day": "first"}, "optional": True}, Proof.NONE),
        ({"version": "2", "checksum": sha256(OLD)}, Proof.CHECKSUM),
    ],
)  # fmt: skip
def test_a_listing_that_matches_the_bytes_is_recorded_and_nothing_is_fetched(
    archive: Archive, more: dict[str, Any], proof: Proof
) -> None:
    archive.gives(a=OLD)
    archive.lists(a={"version": "1"} if "checksum" in more and "version" in more else {})
    archive.run()
    archive.lists(a=more)
    assert archive.plan().files == 0
    result = archive.run()
    assert (result.exit_code, result.files.skipped, archive.asked) == (0, 1, [])
    row = archive.rows()["a.gz"]
    assert (row.listed_size, row.checksum, row.version, row.listed_records) == tuple(
        more.get(key) for key in ("size", "checksum", "version", "records")
    )
    assert Proof(row.proof or 0) & proof == proof
    assert archive.states() == {"a.gz": "verified"}


def test_a_providers_suspect_mark_can_change_without_a_transfer(archive: Archive) -> None:
    archive.gives(a=OLD)
    archive.lists("a.gz")
    archive.run()
    for more, state in (({"suspect": True}, "suspect"), ({}, "verified")):
        archive.lists(a=more)
        assert archive.run().exit_code == 0
        assert (archive.asked, archive.states()) == ([], {"a.gz": state})


def test_a_changed_content_type_is_verified_again_and_fetched_only_if_it_does_not_match(
    archive: Archive,
) -> None:
    archive.gives(a=OLD, b=OLD)
    archive.lists(a={"content": "gz"}, b={"content": "bytes"})
    archive.run()
    archive.lists(a={"content": "jsonl.gz"}, b={"content": "xml"})
    assert archive.run().exit_code == 8
    assert {name for name, _ in archive.asked} == {"b.gz"}
    states = archive.states()
    assert states["a.gz"] == "verified"
    assert states["b.gz"] in {"failed", "corrupt"}
    assert archive.here("b.gz") == OLD


@pytest.mark.parametrize(
    ("gives", "code", "kind", "state"),
    [(OTHER, 8, "corrupt", "corrupt"), (None, 3, "not_found", "missing")],
)
def test_if_the_new_version_cannot_be_fetched_the_old_one_is_kept_and_not_called_verified(
    archive: Archive, gives: bytes | None, code: int, kind: str, state: str
) -> None:
    archive.gives(a=OLD)
    archive.lists("a.gz")
    archive.run()
    archive.lists(a={"checksum": sha256(NEW)})
    if gives is None:
        archive.shelf.storage.delete("a.gz")
    else:
        archive.gives(a=gives)
    for _ in range(2):
        result = archive.run()
        assert (result.exit_code, [note.kind for note in result.failures]) == (code, [kind])
        assert result.failures[0].file == "a.gz"
        assert (result.files.verified, result.files.replaced) == (0, 0)
        assert archive.here("a.gz") == OLD
        row = archive.rows()["a.gz"]
        assert (row.state, row.sha256) == (state, sha256(OLD).removeprefix("sha256:"))
    archive.gives(a=NEW)
    result = archive.run()
    assert (result.exit_code, result.files.replaced, archive.here("a.gz")) == (0, 1, NEW)


def test_if_a_list_reverts_the_old_version_is_still_present(archive: Archive) -> None:
    archive.gives(a=OLD)
    archive.lists(a={"version": "1"})
    archive.run()
    archive.lists(a={"version": "2"})
    archive.shelf.storage.delete("a.gz")
    assert archive.run().exit_code == 3
    archive.lists(a={"version": "1"})
    assert archive.plan().files == 0
    result = archive.run()
    assert (result.exit_code, result.files.verified, archive.asked) == (0, 1, [])


def test_an_old_version_is_not_taken_for_the_new_one_that_never_arrived(archive: Archive) -> None:
    archive.gives(a=OLD)
    archive.lists(a={"version": "1"})
    archive.run()
    archive.lists(a={"version": "2"})
    archive.shelf.faults.replace("500:all")
    assert archive.run().exit_code == 6
    archive.shelf.faults.replace("")
    archive.gives(a=NEW)
    result = archive.run()
    assert (result.files.replaced, archive.here("a.gz")) == (1, NEW)


def test_only_failed_also_fetches_a_listed_change(archive: Archive) -> None:
    archive.gives(a=OLD, b=OLD)
    archive.lists("a.gz", "b.gz")
    archive.run()
    archive.gives(a=NEW)
    (archive.job / "b.gz").unlink()
    archive.lists(a={"size": len(NEW)}, b={})
    result = archive.run(only_failed=True)
    assert (result.files.replaced, archive.here("a.gz"), archive.here("b.gz")) == (1, NEW, None)
    assert (result.files.verified, result.files.pending) == (1, 1)


def test_a_name_listed_twice_is_present_if_one_of_its_locations_matches(archive: Archive) -> None:
    archive.gives(a=OLD)
    archive.lists(a={"size": len(OLD)})
    archive.run()
    entries = [{"size": len(NEW)}, {"size": len(OLD)}]
    for order in (entries, entries[::-1]):
        archive.lists(*(("a.gz", each) for each in order))
        result = archive.run()
        assert (result.exit_code, archive.asked) == (0, [])
        assert archive.states() == {"a.gz": "verified"}


def test_the_received_part_of_a_new_version_is_resumed_after_a_stop(
    archive: Archive,
) -> None:
    archive.gives(a=OLD)
    archive.lists(a={"version": "1"})
    archive.run()
    archive.gives(a=gzip.compress(random.Random(1).randbytes(6 << 20), 0, mtime=0))
    archive.lists(a={"version": "2", "content": "gz"})

    def stop(driver: Driver) -> None:
        if driver.engine.counters.bytes > 3 << 20:
            driver.interrupt()

    # Half of the file, then nothing until the run stops.
    archive.shelf.faults.replace("stall:all@*a.gz")
    stopped = archive.run(on_tick=stop)
    archive.shelf.faults.replace("")
    assert (stopped.files.fetched, archive.here("a.gz")) == (0, OLD)
    assert archive.rows()["a.gz"].sha256 == sha256(OLD).removeprefix("sha256:")
    result = archive.run()
    assert (result.exit_code, result.files.replaced) == (0, 1)
    assert {status for _, status in archive.asked} == {206}


def test_a_plan_counts_what_has_changed(archive: Archive) -> None:
    archive.gives(a=OLD, b=OLD, c=OLD)
    archive.lists("a.gz", "b.gz", "c.gz")
    archive.run()
    archive.lists(a={"size": len(NEW)}, b={"size": len(OLD)}, c={}, d={})
    assert archive.plan().files == 2
