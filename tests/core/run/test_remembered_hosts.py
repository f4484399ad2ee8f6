"""A run starts with the number of connections a host allowed last time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.transfer.test_large_files import provider
from tests.one_job import one_job
from tests.shelf import Shelf, large_archive

from backhaul.ledger.ledger import Ledger
from backhaul.run.driver import Driver


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as started:
        for key in ("a.json.gz", "b.json.gz"):
            started.storage.put(key, large_archive(1, 1000))
        yield started


def run(shelf: Shelf, dest: Path, *keys: str) -> tuple[str, int]:
    """The only host and its final number of connections."""
    driver: Driver = one_job(provider(shelf, *keys), dest)
    assert driver.run().exit_code == 0
    ((name, limit),) = driver.engine.hosts()
    return name, limit


def test_the_next_run_starts_with_the_connections_that_a_host_allowed(
    shelf: Shelf, tmp_path: Path
) -> None:
    name, limit = run(shelf, tmp_path, "a.json.gz")
    with Ledger(tmp_path / ".backhaul") as ledger:
        assert ledger.hosts.connections()[name] == limit
        ledger.hosts.save([(name, 2)])
    assert run(shelf, tmp_path, "a.json.gz", "b.json.gz") == (name, 2)
