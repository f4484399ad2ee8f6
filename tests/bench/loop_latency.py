"""How late the transfer loop responds during a run: ``loop_latency.py URL DEST LIST...``.

Prints the 99th percentile in seconds. A LIST is a file of addresses, ``URL/LIST.txt``.
"""

import json
import sys
import threading
import time

from backhaul import Http
from backhaul.config import load_text
from backhaul.plugins.discovery import Plugins
from backhaul.run.driver import Driver
from backhaul.run.prepare import select_jobs

_EVERY = 0.005


class Probe:
    """Queries the loop's thread continuously, and records how long each answer takes."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._thread: threading.Thread | None = None

    def tick(self, driver: Driver) -> None:
        """See Driver; starts with the first query."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._ask, args=(driver,), daemon=True)
            self._thread.start()

    def _ask(self, driver: Driver) -> None:
        while True:
            began = time.perf_counter()
            driver.engine.at_work("none")
            self.waits.append(time.perf_counter() - began)
            time.sleep(_EVERY)


def main(url: str, dest: str, *lists: str) -> int:
    """Fetch the files of each list as a job; return the run's exit code."""
    plugins = Plugins()
    document = {
        "version": 1,
        "settings": {"dest": dest},
        "sources": {
            name: {"provider": "http-index", "url": f"{url}/{name}.txt", "reader": "lines"}
            for name in lists
        },
        "jobs": {name: {"source": name} for name in lists},
    }
    config = load_text(json.dumps(document), providers=lambda name: plugins.load(name).info)
    probe = Probe()
    result = Driver(
        select_jobs([config]),
        config.settings,
        load=plugins.load,
        make_http=lambda provider, stop: Http(pace=provider.info.pace, stop=stop),
        on_tick=probe.tick,
    ).run()
    for job in result.jobs:
        for failure in job.failures:
            sys.stdout.write(f"{failure.message}\n")
    waits = sorted(probe.waits)
    sys.stdout.write(f"{waits[len(waits) * 99 // 100]:.6f}\n")
    return int(result.exit_code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
