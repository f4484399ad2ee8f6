"""The command against hosts that hang or move: it stops when told, and finds moved hosts."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from tests.names import Names, dead, mute, names
from tests.serving import Handler, Server, serving
from tests.soon import SOON
from tests.usual import usual

PROGRAM = [sys.executable, "-m", "backhaul"]
HOST = "files.test"
FILES = 24
HANGS = 2  # seconds until the command is told to stop


class Hours(Handler):
    """Serves any file; the connection ends with the response."""

    served: list[str]

    def do_GET(self) -> None:
        self.served.append(self.path)
        body = f'{{"path": "{self.path}"}}\n'.encode()
        self.respond(200, body)


def hours(address: str, port: int) -> Server:
    return Server((address, port), type("Own", (Hours,), {"served": []}))


def config(folder: Path, url: str, **source: object) -> Path:
    """A day of hourly files, fetched without API calls."""
    path = folder / "series.yaml"
    keys = {"provider": "http-series", "url": f"{url}/{{start:%H}}.jsonl", "every": "1h", **source}
    document = {
        "version": 1,
        "settings": {"dest": "archive", "min_free_space": 0},
        "sources": {"s": keys},
        "jobs": {"day": {"source": "s", "from": "2015-01-01", "to": "2015-01-02"}},
    }
    path.write_text(yaml.safe_dump(document))
    return path


def api_config(folder: Path, url: str) -> Path:
    """A job whose status is first queried by an API call."""
    path = folder / "api.yaml"
    source = {"provider": "massrelevance-meta", "account": "bdainton", "base_url": url}
    job = {"source": "s", "stream": "kindle", "from": "2012-09-26", "to": "2012-10-01"}
    document = {
        "version": 1,
        "settings": {"dest": "archive"},
        "sources": {"s": source},
        "jobs": {"kindle": {**job, "every": "1d"}},
    }
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def dns(tmp_path: Path) -> Iterator[Names]:
    with names(tmp_path) as made:
        yield made


@contextmanager
def hanging(where: str, dns: Names) -> Iterator[str]:
    """A URL of a host that hangs at this point."""
    if where == "lookup":
        dns.silent = True
        yield f"http://{HOST}:1"
    elif where == "addresses":
        dns.addresses[HOST] = ["127.0.0.21", "127.0.0.22"]
        with dead(dns.addresses[HOST]) as port:
            yield f"http://{HOST}:{port}"
    else:
        dns.addresses[HOST] = ["127.0.0.1"]
        with mute() as port:
            yield f"https://{HOST}:{port}"


@pytest.mark.parametrize("way", ["Ctrl-C", pytest.param("--max-duration", marks=pytest.mark.slow)])
@pytest.mark.parametrize("make", [config, api_config])
@pytest.mark.parametrize("where", usual(["lookup", "addresses", "handshake"], "lookup"))
def test_a_hanging_request_ends_within_two_seconds(
    dns: Names, tmp_path: Path, where: str, make: Callable[[Path, str], Path], way: str
) -> None:
    with hanging(where, dns) as url:
        words = dns.command(*PROGRAM, "run", make(tmp_path, url), "--json")
        if way == "--max-duration":
            words += ["--max-duration", f"{HANGS}s"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            while HOST not in dns.asked:
                assert process.poll() is None
                time.sleep(0.02)
            ends = time.monotonic() + HANGS
            if way == "Ctrl-C":
                time.sleep(HANGS)
                assert process.poll() is None
                process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
        took = time.monotonic() - ends
    assert process.returncode == (130 if way == "Ctrl-C" else 10), err
    assert json.loads(out)["exit_code"] == process.returncode
    assert took < SOON, err


def test_a_host_that_moves_during_a_run_is_resolved_again(dns: Names, tmp_path: Path) -> None:
    dns.addresses[HOST] = ["127.0.0.31"]
    with serving(hours("127.0.0.31", 0)) as first:
        port = first.server_port
        path = config(tmp_path, f"http://{HOST}:{port}", pace="10/s")
        words = dns.command(*PROGRAM, "run", path, "--json")
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        served = first.RequestHandlerClass.served
        while len(served) < 4:
            assert process.poll() is None
            time.sleep(0.02)
    dns.addresses[HOST] = ["127.0.0.32"]
    started = time.monotonic()
    with serving(hours("127.0.0.32", port)) as second:
        out, err = process.communicate(timeout=50)
        after = second.RequestHandlerClass.served
    assert process.returncode == 0, err
    (job,) = json.loads(out)["jobs"]
    assert job["files"]["verified"] == FILES
    assert len(after) >= FILES - len(served) > 0
    assert time.monotonic() - started < 30  # libcurl alone would use the old address for 60 s
