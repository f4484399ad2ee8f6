"""Ctrl-C ends a run whose store hangs; the next run continues."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests import warm
from tests.days import config, served
from tests.faulty_proxy import Asked, Fault, faulty_proxy
from tests.seaweed import KEY, SECRET, Store
from tests.soon import SOON
from tests.usual import usual

HUNG = {
    "lease": ("PUT", "/leases/"),
    "snapshot": ("HEAD", "/ledgers/"),
    "list": ("GET", "list-type"),
    "uploads": ("PUT", "/days/"),
    "manifest": ("PUT", "MANIFEST"),
    "new snapshot": ("PUT", "/ledgers/"),
    "release": ("DELETE", "/leases/"),
}


@pytest.mark.parametrize("what", usual(HUNG, "lease", "uploads"))
def test_ctrl_c_ends_a_run_whose_store_hangs(weed: Store, tmp_path: Path, what: str) -> None:
    files = {f"{day}.json.gz": gzip.compress(b'{"day": %d}\n' % day) for day in range(1, 11)}
    method, part = HUNG[what]

    def hang(asked: Asked) -> Fault | None:
        return Fault(wait=60) if asked.method == method and part in asked.path else None

    def run() -> "subprocess.Popen[str]":
        return warm.Popen(
            [sys.executable, "-m", "backhaul", "run", "days.yaml", "--json", "-vv"],
            cwd=tmp_path,
            env=os.environ | {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    with (
        served(tmp_path / "www", files) as web,
        faulty_proxy(weed.url, hang) as proxy,
    ):
        text = config(web, proxy.url, days=10)
        (tmp_path / "days.yaml").write_text(text)
        running = run()
        until = time.monotonic() + 30
        while not proxy.count(method, part) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        since = time.monotonic()
        out, err = running.communicate(timeout=30)
        took = time.monotonic() - since
        assert running.returncode == 130, err
        assert "Traceback" not in err
        assert SECRET not in out + err
        assert took < SOON, f"{took} s\n{err}"
        proxy.rule = lambda _: None
        again = run()
        out, err = again.communicate(timeout=60)
        assert again.returncode == 0, err
        (job,) = json.loads(out)["jobs"]
        assert job["files"]["verified"] == 10


def test_a_store_that_hangs_does_not_hold_up_a_job_in_a_folder(weed: Store, tmp_path: Path) -> None:
    files = {f"{day}.json.gz": gzip.compress(b'{"day": %d}\n' % day) for day in range(1, 11)}

    def hang(_: Asked) -> Fault | None:
        return Fault(wait=60)

    with (
        served(tmp_path / "www", files) as web,
        faulty_proxy(weed.url, hang) as proxy,
    ):
        text = config(web, proxy.url, days=10)
        (tmp_path / "a.yaml").write_text(text)
        (tmp_path / "b.yaml").write_text(
            re.sub("settings:.*sources:", "settings: {dest: here}\nsources:", text, flags=re.DOTALL)
        )
        running = warm.Popen(
            [sys.executable, "-m", "backhaul", "run", "a.yaml", "b.yaml"],
            cwd=tmp_path,
            env=os.environ | {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET},
            stderr=subprocess.PIPE,
        )
        until = time.monotonic() + 55  # the other job gives up after a minute
        manifest = tmp_path / "here/days/MANIFEST.jsonl"
        while not manifest.exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert manifest.exists()
        assert running.poll() is None
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)
        assert running.returncode == 130


@pytest.mark.parametrize(
    "words", usual(["verify", "verify --deep", "copy --to there", "files"], "verify")
)
def test_ctrl_c_ends_a_read_only_command_on_a_hanging_store(
    weed: Store, tmp_path: Path, words: str
) -> None:
    files = {f"{day}.json.gz": gzip.compress(b'{"day": %d}\n' % day) for day in range(1, 4)}
    command, *options = words.split()
    with (
        served(tmp_path / "www", files) as web,
        faulty_proxy(weed.url) as proxy,
    ):
        (tmp_path / "days.yaml").write_text(config(web, proxy.url, days=3))

        def start(*words: str) -> "subprocess.Popen[str]":
            return warm.Popen(
                [sys.executable, "-m", "backhaul", *words],
                cwd=tmp_path,
                env=os.environ | {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

        first = start("run", "days.yaml")
        _, err = first.communicate(timeout=50)
        assert first.returncode == 0, err
        proxy.rule = lambda _: Fault(wait=60)
        before = len(proxy.requests)
        running = start(command, "days.yaml", *options)
        until = time.monotonic() + 30
        while len(proxy.requests) == before and time.monotonic() < until:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        since = time.monotonic()
        out, err = running.communicate(timeout=30)
        assert (running.returncode, "Traceback" in err) == (130, False), err
        assert time.monotonic() - since < SOON
        assert SECRET not in out + err
