"""Ctrl-C ends a run whose store hangs; the next run continues."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.faulty_proxy import Asked, Fault, faulty_proxy
from tests.seaweed import KEY, PRIVATE, SECRET, seaweed

CONFIG = """
version: 1
settings:
  dest: s3://{bucket}/stopped
  store: {{endpoint: "{store}"}}
sources:
  days: {{provider: http-series, url: "{web}/{{start:%-d}}.json.gz", every: 1d, lag: 0s}}
jobs:
  days: {{source: days, from: 2015-01-01, to: 2015-01-11}}
"""


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_ctrl_c_while_the_store_hangs(tmp_path: Path, method: str) -> None:
    def hang(asked: Asked) -> Fault | None:
        lease = "leases" in asked.path
        return Fault(wait=60) if asked.method == method and not lease else None

    def run() -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "backhaul", "run", "days.yaml", "--json", "-vv"],
            cwd=tmp_path,
            env=os.environ | {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    with (
        seaweed(tmp_path / "weed") as weed,
        days(tmp_path / "www") as web,
        faulty_proxy(weed.url, hang) as proxy,
    ):
        text = CONFIG.format(bucket=PRIVATE, store=proxy.url, web=web)
        (tmp_path / "days.yaml").write_text(text)
        running = run()
        until = time.monotonic() + 30
        while not proxy.count(method, "stopped") and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        since = time.monotonic()
        out, err = running.communicate(timeout=30)
        took = time.monotonic() - since
        assert running.returncode == 130, err
        assert "Traceback" not in err
        assert SECRET not in out + err
        assert took < 4, f"{took} s\n{err}"
        proxy.rule = lambda _: None
        again = run()
        out, err = again.communicate(timeout=60)
        assert again.returncode == 0, err
        (job,) = json.loads(out)["jobs"]
        assert job["files"]["verified"] == 10


@contextmanager
def days(folder: Path) -> Iterator[str]:
    """A web server with a file for each day."""
    folder.mkdir()
    for day in range(1, 11):
        (folder / f"{day}.json.gz").write_bytes(gzip.compress(b'{"day": %d}\n' % day))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
