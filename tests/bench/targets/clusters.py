"""Target 24: what a Dask cluster costs, compared with worker processes."""

import os
from collections.abc import Iterator

from tests.bench.place import Place
from tests.bench.row import Row, compared
from tests.bench.versus import alternate
from tests.dask_cluster import DaskCluster

WORKERS = 2
LIMIT = 1.5
_FILES = 12_960


def against_processes(place: Place) -> Iterator[Row]:
    """Small files, by the workers of a cluster on loopback and by those of this machine."""
    count = place.scaled(_FILES)
    names = place.small(count)
    url = f"{place.server.plain}/small"
    folder = place.fresh("dask")
    paths = os.pathsep.join(filter(None, [place.env["PYTHONPATH"], os.environ.get("PYTHONPATH")]))
    env = {**place.env, "PYTHONPATH": paths, "SSL_CERT_FILE": str(place.server.cert)}
    with DaskCluster(folder, workers=WORKERS, env=env) as cluster:
        there = place.backhaul(url, count, names=names, cluster=cluster.address)
        there()  # what workers import at first
        here = place.backhaul(url, count, names=names, workers="auto")
        pair = alternate(there, here, rounds=place.rounds)
    yield compared(
        24,
        pair,
        work=f"{count:,} files of 4 KB, {WORKERS} Dask workers on loopback",
        against="local workers (workers: auto)",
        files=count,
        limit=LIMIT,
    )
