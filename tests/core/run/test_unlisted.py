"""Files that are no longer listed stay in the ledger: missing, lost or present."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.listed import Archive, lines
from tests.usual import usual

from backhaul.run.conclude import without_ledger
from backhaul.run.driver import Driver
from backhaul.run.job import Job
from backhaul.types import SlotState, Totals

A, B, C = lines(1), lines(2), lines(3)
DAY = datetime(2014, 5, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(*names: str) -> list[tuple[str, dict[str, datetime]]]:
    """Each name with the hour given by its first letter."""
    return [
        (name, {"start": DAY + (ord(name[0]) - ord("a")) * HOUR, "end": DAY + (ord(name[0]) - ord("a") + 1) * HOUR})
        for name in names
    ]  # fmt: skip


def failures(archive: Archive, **settings: object) -> tuple[int, dict[str | None, str]]:
    result = archive.run(**settings)
    return int(result.exit_code), {note.file: str(note.kind) for note in result.failures}


def test_a_file_that_never_arrived_and_is_no_longer_listed_is_a_failure_once_and_then_a_gap(
    archive: Archive,
) -> None:
    archive.gives(a=A, b=B)
    archive.lists(*hours("a.gz", "b.gz"))
    archive.shelf.faults.replace("500:all@b.gz")
    assert failures(archive) == (6, {"b.gz": "unreachable"})
    archive.lists(*hours("a.gz"))
    assert archive.plan().files == 0
    assert failures(archive) == (3, {"b.gz": "not_found"})
    for _ in range(2):
        result = archive.run()
        assert (result.exit_code, str(result.state)) == (0, "complete")
        assert (result.files.listed, result.files.verified, result.files.missing) == (2, 1, 1)
        assert archive.states() == {"a.gz": "verified", "b.gz": "missing"}
        (gap,) = [slot for slot in archive.slots() if slot.state is not SlotState.VERIFIED]
        assert (gap.state, gap.reason) == (SlotState.MISSING, gap.reason or "a reason")
    archive.shelf.faults.replace("")
    archive.lists(*hours("a.gz", "b.gz"))
    result = archive.run()
    assert (result.exit_code, result.files.fetched, result.files.missing) == (0, 1, 0)


def _dies(driver: Driver) -> Callable[[Job], bool]:
    """Ends a job without a word."""

    def finish(job: Job) -> bool:
        driver._endings.release(job)
        driver._endings.results[job.order] = without_ledger(job)
        return True

    return finish


def test_a_run_that_was_killed_before_it_reported_leaves_that_to_the_next(archive: Archive) -> None:
    archive.gives(a=A)
    archive.lists("a.gz", "b.gz")
    failures(archive)
    archive.lists("a.gz")
    driver = archive.driver()
    driver._endings.finish = _dies(driver)  # type: ignore[method-assign]
    driver.run()
    assert archive.states()["b.gz"] == "missing"
    assert failures(archive) == (3, {"b.gz": "not_found"})
    assert failures(archive) == (0, {})


def test_an_optional_file_that_is_no_longer_listed_is_a_gap(archive: Archive) -> None:
    archive.gives(a=A)
    archive.lists(a={}, b={"optional": True})
    archive.run()
    archive.lists("a.gz")
    assert failures(archive) == (0, {})
    assert archive.states() == {"a.gz": "verified", "b.gz": "missing"}


def test_a_list_that_shrinks_with_the_renewal_of_its_links_does_not_make_a_job_complete(
    archive: Archive,
) -> None:
    archive.gives(a=A, b=B, c=C)
    archive.lists("a.gz", "b.gz", "c.gz")
    archive.listed.next_entries = [[("a.gz", {})]]
    archive.shelf.faults.replace("expired:all@[bc].gz")
    assert failures(archive) == (3, {"b.gz": "not_found", "c.gz": "not_found"})
    archive.shelf.faults.replace("")
    assert failures(archive) == (0, {})
    archive.lists("c.gz", "b.gz", "a.gz")
    result = archive.run()
    assert (result.exit_code, result.files.fetched, result.files.verified) == (0, 2, 3)


def test_a_present_file_stays_verified_and_counts_towards_no_total(archive: Archive) -> None:
    archive.gives(a=A, b=B)
    archive.lists("a.gz", "b.gz")
    archive.run()
    archive.listed.status = replace(archive.listed.status, totals=Totals(1, 3, len(A)))
    archive.lists("a.gz")
    result = archive.run()
    assert (result.exit_code, result.files.verified, result.files.lost) == (0, 2, 0)
    assert archive.states() == {"a.gz": "verified", "b.gz": "verified"}
    assert archive.verify().problems == ()
    archive.listed.status = replace(archive.listed.status, totals=Totals(2, 6, len(A + B)))
    archive.lists("b.gz", "a.gz")
    assert archive.run().exit_code == 0


@pytest.mark.parametrize("marked", usual(["not at all", "by verify", "by a run"], "by a run"))
@pytest.mark.parametrize("harm", ["deleted", "cut", "rotten"])
def test_a_damaged_file_that_is_no_longer_listed_is_lost_until_it_is_restored(
    archive: Archive, harm: str, marked: str
) -> None:
    archive.gives(a=A, b=B)
    archive.lists("a.gz", "b.gz")
    archive.run()
    archive.lists("a.gz")
    if marked == "by a run":
        assert archive.run().exit_code == 0
    path = archive.job / "b.gz"
    if harm == "deleted":
        path.unlink()
        if marked == "by a run":
            assert archive.states()["b.gz"] == "lost"
    else:
        path.write_bytes(B[:-9] if harm == "cut" else B[:-9] + bytes([B[-9] ^ 1]) + B[-8:])
    if marked == "by verify" or harm == "rotten":
        assert archive.verify().exit_code == 8
    for _ in range(2):
        assert failures(archive) == (3, {"b.gz": "lost"})
        assert archive.states() == {"a.gz": "verified", "b.gz": "lost"}
        assert archive.run().files.lost == 1
    path.write_bytes(B)
    result = archive.run()
    assert (result.exit_code, result.files.verified, archive.asked) == (0, 2, [])


def test_a_file_published_before_a_kill_is_found_even_if_it_is_no_longer_listed(
    archive: Archive,
) -> None:
    archive.shelf.faults.replace("500:all@[bc].gz")
    archive.gives(a=A, b=B, c=C)
    archive.lists("a.gz", "b.gz", "c.gz")
    archive.run()
    archive.lists("a.gz")
    (archive.job / "b.gz").write_bytes(B)
    (archive.job / "c.gz").write_bytes(C[:-3])
    assert failures(archive) == (3, {"c.gz": "not_found"})
    assert failures(archive) == (0, {})
    assert archive.states() == {"a.gz": "verified", "b.gz": "verified", "c.gz": "missing"}


def test_nothing_counts_as_gone_before_the_list_was_read_to_its_end(archive: Archive) -> None:
    archive.gives(a=A, b=B)
    archive.lists("a.gz", "b.gz")
    archive.shelf.faults.replace("500:all")
    archive.run()
    archive.lists("a.gz", ("b.gz", {"size": -1}))  # refused during listing
    assert archive.run().exit_code != 0
    assert archive.states()["b.gz"] == "failed"


def test_only_failed_does_not_count_files_missing_on_disk_as_present(archive: Archive) -> None:
    archive.gives(a=A, b=B)
    archive.lists("a.gz", "b.gz")
    archive.run()
    (archive.job / "a.gz").unlink()
    result = archive.run(only_failed=True)
    assert (result.exit_code, result.files.verified, result.files.pending) == (3, 1, 1)
    assert archive.run().files.fetched == 1


def test_which_of_two_names_that_collide_is_kept_does_not_depend_on_their_order(
    archive: Archive,
) -> None:
    for name in ("a.gz", "A.gz", "\u00e9.gz", "e\u0301.gz"):
        archive.shelf.storage.put(name, A)
    names = ["A.gz", "a.gz", "e\u0301.gz", "\u00e9.gz"]
    archive.lists(*names)
    assert archive.run().exit_code == 3
    assert sorted(archive.rows()) == ["a.gz", "\u00e9.gz"]
    for order in (names[::-1], names):
        archive.lists(*order)
        assert failures(archive)[1] == {"A.gz": "unsafe_name", "e\u0301.gz": "unsafe_name"}
        assert archive.asked == []
