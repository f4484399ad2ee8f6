"""What workers hold of files for an object store when a file is rejected, and when a run is stopped."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.core.transfer.cluster.fetched import MB, body, configured
from tests.core.transfer.processes.counting import CountingServer
from tests.dask_cluster import DaskCluster
from tests.seaweed import PRIVATE, Store, seaweed, use_keys
from tests.shelf import Shelf

import backhaul
from backhaul import RemoteFile, Request
from backhaul.errors import FailureKind
from backhaul.events import FileFailed
from backhaul.run.rejected import JobRejects, RejectedBodies
from backhaul.transfer.cluster import pool
from backhaul.transfer.cluster.rejects import keep_whole, write_block
from backhaul.transfer.unit import Failure, Transfer

PAGE = b"<html><body>Sorry, please log in</body></html>\n"
DAMAGED = body("large")[:-MB] + b"\0" * MB


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    use_keys(monkeypatch)
    with seaweed(tmp_path / "weed") as started:
        yield started


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_AT_ONCE", 60.0)  # on a busy machine


def settings(store: Store, folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "dest": f"s3://{PRIVATE}/archive",
        "store": {"endpoint": store.url},
        "workspace": str(folder / "state"),
        **more,
    }


def served(path: str) -> bytes:
    return PAGE if "page" in path else DAMAGED if "large" in path else body(path)


def kept(folder: Path) -> dict[str, bytes]:
    """Rejected bodies by name."""
    found = folder / "state" / "rejected" / "job"
    reasons = {path.name.removesuffix(".reason.json") for path in found.glob("*.reason.json")}
    return {name: (found / name).read_bytes() for name in reasons}


def assert_nothing_left(folder: Path) -> None:
    assert not list(folder.rglob("*.part"))
    assert not (folder / "state" / "cluster").exists()


def test_rejected_bodies_of_workers_are_kept_on_this_machine(
    cluster: DaskCluster, store: Store, tmp_path: Path
) -> None:
    cluster.refill()
    names = ["page.json.gz", "large.json.gz"]
    with CountingServer(served) as server:
        archive = configured(
            server.url, tmp_path, cluster, settings=settings(store, tmp_path), names=names, count=20
        )
        (result,) = archive.run().jobs
    assert result.files.verified == 20
    assert {each.file: each.kind.value for each in result.failures} == {
        "page.json.gz": "not_data",
        "large.json.gz": "corrupt",
    }
    assert kept(tmp_path) == {"page.json.gz": PAGE, "large.json.gz": DAMAGED}
    assert_nothing_left(tmp_path)


@pytest.mark.matrix
def test_a_stop_does_not_lose_a_rejected_body(
    cluster: DaskCluster, store: Store, tmp_path: Path
) -> None:
    cluster.refill()
    with CountingServer(served) as server, CountingServer(body) as silent:
        silent.holds = lambda: True
        links = tmp_path / "links.json"
        links.write_text(json.dumps({"never.json.gz": f"{silent.url}/never.json.gz"}))
        archive = configured(
            server.url,
            tmp_path,
            cluster,
            settings=settings(store, tmp_path),
            names=["large.json.gz"],
            links=str(links),
        )

        def stop(event: backhaul.Event) -> None:
            if isinstance(event, FileFailed):
                archive.stop()

        assert archive.run(on_event=stop).exit_code == 130
    assert kept(tmp_path) == {"large.json.gz": DAMAGED}
    assert_nothing_left(tmp_path)


@pytest.mark.matrix
def test_a_stop_names_what_the_next_run_fetches_again(
    cluster: DaskCluster, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.refill()
    with Shelf() as shelf:
        shelf.storage.put("large.json.gz", body("large"))
        links = tmp_path / "links.json"
        links.write_text(json.dumps({"large.json.gz": shelf.storage.link("large.json.gz")}))
        archive = configured(
            "",
            tmp_path,
            cluster,
            settings=settings(store, tmp_path, limit_rate="2M"),
            links=str(links),
        )

        def stop(event: backhaul.Event) -> None:
            if isinstance(event, backhaul.Progress) and event.bytes > 2 * MB:
                archive.stop()

        with caplog.at_level(logging.WARNING, "backhaul"):
            assert archive.run(on_event=stop).exit_code == 130
    assert "of large.json.gz are discarded; the next run fetches it from the start" in caplog.text
    assert_nothing_left(tmp_path)


@pytest.mark.parametrize("arrived", [(0, 4), (0, 8), (4, 8), (0,)])
def test_a_rejected_body_with_a_block_that_could_not_be_written_is_not_kept(
    arrived: tuple[int, ...], tmp_path: Path
) -> None:
    there = tmp_path / "state" / "cluster"
    transfer = Transfer("job", RemoteFile("x", "http://a/x"), Request("http://a/x"))
    failure = Failure(kind=FailureKind.CORRUPT, message="damaged")
    rejects = JobRejects(RejectedBodies(tmp_path / "state", MB), "job", None)
    for offset in arrived:
        write_block(there, "x", offset, b"\x00abc")
    keep_whole(there, rejects, transfer, failure, own=(), size=12)
    assert kept(tmp_path) == {}
    for offset in (0, 4, 8):
        write_block(there, "x", offset, b"\x00abc")
    keep_whole(there, rejects, transfer, failure, own=(), size=12)
    assert kept(tmp_path) == {"x": 3 * b"\x00abc"}
    assert not list(tmp_path.rglob("*.part"))
