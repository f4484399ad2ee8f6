"""Each row of the matrix of a store's faults; docs/failures.md shows the same rows."""

from collections.abc import Iterator

import pytest
from tests.faulty_proxy import FaultyProxy, faulty_proxy
from tests.safety.store_matrix import PATIENCE, Row, play, rows
from tests.seaweed import SECRET, Store, use_keys
from tests.soon import soon
from tests.usual import usual

from backhaul.storage.stores import bucket, leases

ROWS = usual(
    [
        pytest.param(row, marks=[pytest.mark.slow] if row.slow else [], id=f"{row.request}-{row.fault}")
        for row in rows()
    ],
    "lock-500", "small-full", "part-reset",
)  # fmt: skip


@pytest.fixture
def proxy(weed: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """In front of the store, which is given up soon."""
    use_keys(monkeypatch)
    monkeypatch.setattr(bucket, "PATIENCE", PATIENCE)
    monkeypatch.setattr(leases, "_PATIENCE", PATIENCE)
    with faulty_proxy(weed.url) as found:
        yield found


@pytest.mark.parametrize("row", ROWS)
def test_a_fault_of_a_store_ends_as_the_table_says(
    weed: Store, proxy: FaultyProxy, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        assert soon(lambda: not bucket.in_use()), "a failed run leaves nothing open"
        monkeypatch.setattr(bucket, "PATIENCE", 60.0)
        monkeypatch.setattr(leases, "_PATIENCE", 60.0)

    seen = play(row, proxy, weed.url, gone)
    assert seen.asked, "the fault has happened"
    assert (seen.first.code, seen.first.kinds) == (row.code, {row.kind} - {None}), seen.first.err
    assert "Traceback" not in seen.first.err
    assert seen.seconds < (50 if row.request == "part" else 20), "a part has time for its bytes"
    assert (seen.wrong, seen.missing) == ([], set())
    assert (seen.second.code, seen.second.kinds) == (0, set()), seen.second.err
    for secret in (SECRET, "Signature=", "AWS4-HMAC"):
        assert secret.encode() not in seen.written
