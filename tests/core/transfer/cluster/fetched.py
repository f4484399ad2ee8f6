"""An archive that is fetched by the workers of a cluster."""

import gzip
import hashlib
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.dask_cluster import DaskCluster
from tests.shelf import large_archive

import backhaul
from backhaul.events import FileDone

MB = 1 << 20
DOCUMENTS = ("MANIFEST.jsonl", "SHA256SUMS", "datapackage.json")


def body(path: str) -> bytes:
    """The file at a path, small unless its name says otherwise."""
    if "large" in path:
        return large_archive(1, 17 * MB)
    return gzip.compress(b'{"path": "%s"}\n' % path.encode(), mtime=0)


def document(
    url: str,
    dest: Path,
    cluster: DaskCluster | None,
    *,
    source: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    **job: Any,
) -> dict[str, Any]:
    """The configuration of one job; without a cluster, its files are fetched by this process."""
    where = {} if cluster is None else {"cluster": cluster.address}
    return {
        "version": 1,
        "settings": {"dest": str(dest), "min_free_space": 0, **where, **(settings or {})},
        "sources": {"server": {"provider": "cluster-test", "base_url": url, **(source or {})}},
        "jobs": {"job": {"source": "server", **job}},
    }


def configured(
    url: str, dest: Path, cluster: DaskCluster | None, **options: Any
) -> backhaul.Archive:
    """An archive of one job, see ``document``."""
    return backhaul.load(document(url, dest, cluster, **options))


def rows(dest: Path) -> list[tuple[Any, ...]]:
    """What the ledger knows about each file, but for times."""
    with closing(sqlite3.connect(dest / ".backhaul" / "ledger.sqlite")) as ledger:
        return ledger.execute(
            "SELECT name, state, size, sha256, records, proof, message FROM files ORDER BY name"
        ).fetchall()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files(dest: Path) -> dict[str, str]:
    """Digests of all files of the job, and of whatever else lies there."""
    job = dest / "job"
    found = (path for path in job.rglob("*") if path.is_file())
    return {
        path.relative_to(job).as_posix(): _digest(path.read_bytes())
        for path in found
        if path.name not in DOCUMENTS
    }


def assert_nothing_left(dest: Path) -> None:
    assert not list(dest.rglob("*.part*"))
    assert not list((dest / ".backhaul").glob("cluster*"))


def expected(*names: str, count: int = 0) -> dict[str, str]:
    """Digests of the files of a job with these options."""
    all_names = [*names, *(f"many/{number}.json.gz" for number in range(count))]
    return {name: _digest(body(f"/{name}")) for name in all_names}


def after(condition: Callable[[], object], do: Callable[[], object]) -> None:
    """Does something as soon as something holds."""
    while not condition():
        time.sleep(0.02)
    do()


class After:
    """A listener that does something once, after so many files."""

    def __init__(self, number: int, do: Callable[[], object]) -> None:
        self._left, self._do = number, do

    def __call__(self, event: object) -> None:
        self._left -= isinstance(event, FileDone)
        if self._left <= 0:
            self._left = 1 << 62
            self._do()
