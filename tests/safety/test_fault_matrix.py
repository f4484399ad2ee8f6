"""Each row of the fault matrix; docs/failures.md shows the same rows."""

from collections.abc import Iterator

import pytest
from tests import warm
from tests.dask_cluster import DaskCluster
from tests.safety.matrix import Row, Seen, play, rows
from tests.safety.table import PAGE, page
from tests.usual import usual

ROWS = usual(
    [
        pytest.param(row, marks=[pytest.mark.slow] if row.slow else [], id=row.name)
        for row in rows()
    ],
    "gnip-hpt 429",
    "gnip-hpt 423",
    "gnip-hpt drop",
    "gnip-hpt xml_200",
    "gnip-hpt expired",
    "gnip-hpt bare_206:2",
    "gnip-hpt 503:all@*/00/10_*",
    "gnip-hpt truncated:all@*/00/10_*",
    "gnip-hpt not_found:all@*/00/10_*",
    "gnip-hpt denied:all@*/00/10_*",
    "gnip-hpt azure_expired:all@*/00/10_*",
    "gnip-hpt gone:all@*/00/10_*",
    "gnip-hpt skewed:all@*/00/10_*",
    "gnip-hpt coded:all@*/00/10_*",
    "gnip-hpt one_byte:all@*/00/10_*",
    "gnip-hpt bad_footer:all@*/00/10_*",
    "gnip-hpt page_inside:all@*/00/10_*",
    "gnip-hpt api/503=3600:all",
    "gnip-hpt api/unauthorized:all",
    "stocktwits-backup page_403",
    "stocktwits-backup not_found:all@*2016*12*03*",
    "stocktwits-backup zeros:all@*2016*12*03*",
    "stocktwits-backup cut_record:all@*2016*12*03*",
    "massrelevance-meta truncated",
    "massrelevance-meta not_found:all@*finish=1348790400*",
    "datasift-historics drop",
    "datasift-historics denied:all",
    "datasift-historics half_206:all",
)


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
    assert _reported(seen) == (row.code, row.kinds, seen.counts["fetched"])
    assert seen.retried == 0
    assert seen.whole is not bool(row.suspect), "once the fault is gone, a run makes it whole"


def _reported(seen: Seen) -> tuple[int, set[str], int]:
    """The exit code, the failures' kinds and the number of fetched files, according to the events."""
    kinds = {
        each["kind"] for each in seen.events if each["event"] == "file_failed" and not each["gap"]
    }
    of_jobs = [each["result"]["failures"] for each in seen.events if each["event"] == "job_ended"]
    kinds |= {note["kind"] for notes in of_jobs for note in notes if note["file"] is None}
    done = sum(each["event"] == "file_done" for each in seen.events)
    return seen.events[-1]["exit_code"], kinds, done


def assert_matches_the_table(row: Row, seen: Seen) -> None:
    assert (seen.code, seen.kinds) == (row.code, row.kinds), seen.err
    assert len(seen.wrong) == row.suspect
    lost = seen.files if row.lost < 0 else row.lost
    assert seen.here == seen.files - lost
    assert "Traceback" not in seen.err
    assert seen.retried == 0
    assert seen.whole is not bool(row.suspect)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_a_fault_ends_the_same_with_two_worker_processes(row: Row) -> None:
    assert_matches_the_table(row, play(row, "--workers", "2"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with DaskCluster(tmp_path_factory.mktemp("dask"), popen=warm.Popen) as started:
        yield started


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_a_fault_ends_the_same_on_a_cluster(row: Row, cluster: DaskCluster) -> None:
    seen = play(row, "--cluster", cluster.address, source={"cluster_credentials": True})
    assert_matches_the_table(row, seen)


def test_the_table_in_the_documents_is_current() -> None:
    assert PAGE.read_text() == page(), "run python -m tests.safety.table --write"
