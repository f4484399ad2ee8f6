"""Nothing outside storage/ knows that a destination is a folder: a run can fill a store too."""

import ast
import gzip
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.core.storage.elsewhere import Store
from tests.core.transfer.test_large_files import provider
from tests.imports import imports
from tests.one_job import one_job
from tests.shelf import Shelf, large_archive

import backhaul
from backhaul.run import task
from backhaul.storage.destination import Destination, Refused, Staged
from backhaul.storage.folder import JobFolder
from backhaul.storage.job import JobStorage
from backhaul.storage.location import Location
from backhaul.storage.workspace import Workspace

ROOT = Path(backhaul.__file__).parent
# Always a folder, whatever the destination is: the ledger's, and the lock files'.
LOCAL = ("storage", "ledger", "cli", "views")
# What runs on other machines opens a workspace of its own there, and publishes.
ELSEWHERE = ROOT / "transfer" / "cluster"


def test_a_run_fills_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(dest: Location, job: str, *, durable: bool) -> JobStorage:
        workspace = JobFolder(dest.workspace / "parts" / job, durable=durable)
        return JobStorage(workspace, Store(tmp_path / "store" / job, workspace))

    monkeypatch.setattr(task, "open_job", elsewhere)
    dest = tmp_path / "archive"
    data = {
        "a.json.gz": gzip.compress(b'{"n": 1}\n'),
        "deep/er/b.json.gz": large_archive(2, 3 << 20),
        "c.json.gz": large_archive(3, 17 << 20),
        **{f"many/{number}.json.gz": gzip.compress(b'{"n": %d}\n' % number) for number in range(9)},
    }
    with Shelf() as shelf:
        for name, body in data.items():
            shelf.storage.put(name, body)
        plugin = provider(shelf, *data)
        (result,) = one_job(plugin, dest).run().jobs
        assert (result.exit_code, result.files.fetched) == (0, len(data))
        asked = len(shelf.requests)
        (again,) = one_job(plugin, dest).run().jobs
        assert (again.exit_code, again.files.skipped) == (0, len(data))
        assert len(shelf.requests) == asked, "what is there is not fetched again"
    store = Store(tmp_path / "store/job", JobFolder(dest / ".backhaul/parts/job"))
    for name, body in data.items():
        with store.open(name) as stored:
            assert stored.read() == body
    documents = {"MANIFEST.jsonl", "SHA256SUMS", "datapackage.json"}
    assert set(store.listing()) == data.keys() | documents
    assert [path.name for path in dest.iterdir()] == [".backhaul"]
    assert not [path for path in (dest / ".backhaul/parts").rglob("*") if path.is_file()]


class Slow(Store):
    """A store that needs a while for each file."""

    def publish(self, staged: Sequence[Staged], *, overwrite: bool = True) -> list[Refused]:
        time.sleep(0.3 * len(staged))
        return super().publish(staged, overwrite=overwrite)


def test_downloads_wait_while_uploads_lag_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def elsewhere(dest: Location, job: str, *, durable: bool) -> JobStorage:
        workspace = JobFolder(dest.workspace / "parts" / job, durable=durable)
        return JobStorage(workspace, Slow(tmp_path / "store" / job, workspace))

    monkeypatch.setattr(task, "open_job", elsewhere)
    caplog.set_level("INFO", logger="backhaul")
    data = {f"{number}.json.gz": large_archive(number, 3 << 20) for number in range(8)}
    with Shelf() as shelf:
        for name, body in data.items():
            shelf.storage.put(name, body)
        plugin = provider(shelf, *data)
        settings = {"workspace_limit": 1 << 20, "connections": 1, "limit_rate": 12 << 20}
        (result,) = one_job(plugin, tmp_path / "archive", **settings).run().jobs
    assert (result.exit_code, result.files.fetched) == (0, len(data))
    assert "waiting to be uploaded (workspace_limit); pausing downloads" in caplog.text
    assert "resuming downloads" in caplog.text


def test_a_folder_is_both_workspace_and_destination() -> None:
    """For type checkers and readers."""
    folder: type[Destination] = JobFolder
    parts: type[Workspace] = JobFolder
    assert folder is parts


def test_only_the_storage_package_opens_folders() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.module}"
        for path in sorted(ROOT.rglob("*.py"))
        if path.relative_to(ROOT).parts[0] not in LOCAL and ELSEWHERE not in path.parents
        for node in imports(path)
        if isinstance(node, ast.ImportFrom)
        and node.module in {"backhaul.storage.folder", "backhaul.storage.parts"}
    ]
    assert found == []


def test_transfers_know_only_the_workspace() -> None:
    known = {
        node.module
        for path in sorted((ROOT / "transfer").rglob("*.py"))
        if ELSEWHERE not in path.parents
        for node in imports(path)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("backhaul.storage")
    }
    others = {f"backhaul.storage.{name}" for name in ("location", "stored", "sync")}
    assert known == {"backhaul.storage.workspace", "backhaul.storage.destination"} | others


def test_a_folder_is_listed_by_prefix_and_removed_only_when_empty(
    tmp_path: Path,
) -> None:
    folder = JobFolder(tmp_path / "job", durable=False)
    for name in ("2014/01/a.gz", "2014/01/b.gz", "2014/02/a.gz"):
        folder.write_part(name, b"data")
        folder.publish([Staged(name)])

    assert list(folder.listing()) == ["2014/01/a.gz", "2014/01/b.gz", "2014/02/a.gz"]
    assert list(folder.listing("2014/01/")) == ["2014/01/a.gz", "2014/01/b.gz"]
    assert folder.url == str(tmp_path / "job")
    with pytest.raises(OSError, match="not empty"):
        folder.remove_empty()
    folder.close()
    empty = JobFolder(tmp_path / "empty", durable=False)
    empty.remove_empty()
    assert not (tmp_path / "empty").exists()
    empty.close()
