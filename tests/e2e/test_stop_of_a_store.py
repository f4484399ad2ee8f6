"""Ctrl-C ends a run whose store hangs; the next run continues."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.days import config, served
from tests.faulty_proxy import Asked, Fault, faulty_proxy
from tests.seaweed import KEY, SECRET, seaweed


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_ctrl_c_while_the_store_hangs(tmp_path: Path, method: str) -> None:
    files = {f"{day}.json.gz": gzip.compress(b'{"day": %d}\n' % day) for day in range(1, 11)}

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
        served(tmp_path / "www", files) as web,
        faulty_proxy(weed.url, hang) as proxy,
    ):
        text = config(web, proxy.url, prefix="stopped", days=10)
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
