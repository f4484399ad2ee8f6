"""A run on a cluster in this process, in which a method of the driver or of a worker raises an unexpected error.

Run it as ``broken_run METHOD URL FOLDER``. It prints the error that ends the run. A process of its own,
since what Dask leaves behind in it may end in warnings at any time.
"""

import os
import sys
from pathlib import Path

from distributed import Client, LocalCluster
from tests.core.transfer.cluster.fetched import configured
from tests.core.transfer.sabotage import found, raise_it

from backhaul.transfer.cluster import crew


def main(method: str, url: str, folder: str) -> None:
    """Run the script."""
    if method.endswith("_refuse"):
        crew.reason = lambda _: "is refused"  # type: ignore[assignment]  # no worker is suitable
    setattr(*found(method), raise_it)
    archive = configured(url, Path(folder), None, names=["large.json.gz"], count=20)
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        try:
            archive.run(cluster=client)
            error = "none"
        except (NameError, RuntimeError) as raised:
            error = str(raised)
        sys.stdout.write(error)
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
