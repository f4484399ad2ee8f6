"""Each row of the fault matrix; docs/failures.md shows the same rows."""

import pytest
from tests.safety.matrix import Row, Seen, play, rows
from tests.safety.table import PAGE, page

ROWS = [
    pytest.param(row, marks=[pytest.mark.slow] if row.slow else [], id=row.name) for row in rows()
]


@pytest.mark.parametrize("row", ROWS)
def test_a_fault_ends_as_the_table_says(row: Row) -> None:
    seen = play(row)
    assert (seen.code, seen.kinds) == (row.code, row.kinds), seen.err
    assert len(seen.wrong) == row.suspect, "what is under a final name is the provider's, whole"
    assert seen.counts["suspect"] == row.suspect
    lost = seen.files if row.lost < 0 else row.lost
    assert seen.here == seen.files - lost
    if row.asked is not None:
        assert seen.asked == row.asked
    assert "Traceback" not in seen.err
    assert _told(seen) == (row.code, row.kinds, seen.counts["fetched"])
    assert seen.mended == 0
    assert seen.whole is not bool(row.suspect), "once the fault is gone, a run makes it whole"


def _told(seen: Seen) -> tuple[int, set[str], int]:
    """The exit code, the failures' kinds and the number of fetched files, as events say them."""
    kinds = {
        each["kind"] for each in seen.events if each["event"] == "file_failed" and not each["gap"]
    }
    of_jobs = [each["result"]["failures"] for each in seen.events if each["event"] == "job_ended"]
    kinds |= {note["kind"] for notes in of_jobs for note in notes if note["file"] is None}
    done = sum(each["event"] == "file_done" for each in seen.events)
    return seen.events[-1]["exit_code"], kinds, done


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_a_fault_ends_the_same_with_two_worker_processes(row: Row) -> None:
    seen = play(row, "--workers", "2")
    assert (seen.code, seen.kinds) == (row.code, row.kinds), seen.err
    assert len(seen.wrong) == row.suspect
    lost = seen.files if row.lost < 0 else row.lost
    assert seen.here == seen.files - lost
    assert "Traceback" not in seen.err
    assert seen.mended == 0
    assert seen.whole is not bool(row.suspect)


def test_the_table_in_the_documents_is_current() -> None:
    assert PAGE.read_text() == page(), "run python -m tests.safety.table --write"
