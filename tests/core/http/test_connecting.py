"""Connections of both HTTP stacks: lookups, parallel addresses, TLS, and a common time limit."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.core.transfer.collecting import fetch
from tests.names import dead, mute, names
from tests.serving import Handler, Server, serving
from tests.soon import SOON
from tests.usual import usual

from backhaul import Http, UnreachableError
from backhaul.errors import FailureKind, InterruptedRunError
from backhaul.http.session import HttpLimits

DEAD = [f"127.0.1.{number}" for number in range(1, 13)]  # a second each would be longer than SOON
BOTH = """
import json, sys, time
from datetime import timedelta
from pathlib import Path
from tests.core.transfer.collecting import fetch
from backhaul import Http
from backhaul.errors import BackhaulError
from backhaul.http.session import HttpLimits

url, folder = sys.argv[1:]
results = []
started = time.monotonic()
with Http(limits=HttpLimits(connect=1, retries=0)) as session:
    try:
        results.append(["data", session.get(url).text])
    except BackhaulError as error:
        results.append([error.kind, error.message])
results[0].append(time.monotonic() - started)
started = time.monotonic()
found = fetch(Path(folder), {"a": url}, connect_timeout=timedelta(seconds=1))
failure = found.failures.get("a")
results.append([failure.kind, failure.message] if failure else ["data", found.data["a"].decode()])
results[1].append(time.monotonic() - started)
print(json.dumps(results))
"""


class Files(Handler):
    def do_GET(self) -> None:
        self.respond(200, b"data")


def call(url: str, *, connect: float = 1) -> UnreachableError:
    limits = HttpLimits(connect=connect, retries=0)
    with Http(limits=limits) as session, pytest.raises(UnreachableError) as caught:
        session.get(url)
    return caught.value


@pytest.mark.parametrize(
    "answering", usual([["127.0.0.14"], ["127.0.0.14", "127.0.0.15"]], ["127.0.0.14"])
)
def test_an_address_that_answers_is_found_among_dead_ones(
    tmp_path: Path, answering: list[str]
) -> None:
    with (
        names(tmp_path) as dns,
        dead(DEAD[:3]) as port,
        serving(Server((answering[0], port), Files)),
    ):
        dns.addresses["files.test"] = [*DEAD[:3], *answering]
        results = _both(dns.command, f"http://files.test:{port}/a", tmp_path)
    for kind, text, seconds in results:
        assert (kind, text) == ("data", "data")
        assert seconds < SOON


def test_dead_addresses_have_their_own_message_and_share_one_timeout(tmp_path: Path) -> None:
    with names(tmp_path) as dns, dead(DEAD) as port:
        dns.addresses["files.test"] = DEAD
        results = _both(dns.command, f"http://files.test:{port}/a", tmp_path)
    for kind, text, seconds in results:
        assert kind == FailureKind.TIMEOUT
        assert "could not connect to the host within 1 s" in text
        assert "files.test" in text
        assert 0.9 < seconds < SOON


def test_a_hung_lookup_has_its_own_message_and_one_timeout(tmp_path: Path) -> None:
    with names(tmp_path) as dns:
        dns.silent = True
        results = _both(dns.command, "http://files.test:1/a", tmp_path)
    for kind, text, seconds in results:
        assert kind == FailureKind.TIMEOUT
        assert "could not resolve the host name within 1 s" in text
        assert "files.test" in text
        assert 0.9 < seconds < SOON


def test_a_hung_handshake_has_its_own_message_and_one_timeout(tmp_path: Path) -> None:
    with mute() as port:
        url = f"https://127.0.0.1:{port}/a"
        started = time.monotonic()
        error = call(url)
        failure = fetch(
            tmp_path / "job", {"a": url}, connect_timeout=timedelta(seconds=1)
        ).failures["a"]
        assert 1.8 < time.monotonic() - started < SOON
    for kind, text in ((error.kind, error.message), (failure.kind, failure.message)):
        assert kind is FailureKind.TIMEOUT
        assert "TLS handshake" in text
        assert "within 1 s" in text
        assert f"127.0.0.1:{port}" in text


def test_connecting_takes_no_longer_than_the_call_may() -> None:
    limits = HttpLimits(connect=10, total=0.5, retries=0)
    message = r"TLS handshake.* within 0\.5 s"
    with (
        mute() as port,
        Http(limits=limits) as session,
        pytest.raises(UnreachableError, match=message) as caught,
    ):
        session.get(f"https://127.0.0.1:{port}/a")
    assert caught.value.kind is FailureKind.TIMEOUT


def test_silence_after_connecting_is_not_a_connection_error(tmp_path: Path) -> None:
    with mute() as port:
        url = f"http://127.0.0.1:{port}/a"
        patience = {"connect_timeout": timedelta(seconds=1), "stall_timeout": timedelta(seconds=2)}
        failure = fetch(tmp_path / "job", {"a": url}, **patience).failures["a"]
    assert failure.kind is FailureKind.TIMEOUT
    assert "stalled" in failure.message


def test_a_refused_connection_is_reported_at_once(tmp_path: Path) -> None:
    with mute() as port:
        pass
    url = f"http://127.0.0.1:{port}/a"
    started = time.monotonic()
    error = call(url)
    failure = fetch(tmp_path / "job", {"a": url}).failures["a"]
    assert time.monotonic() - started < SOON
    for kind, text in ((error.kind, error.message), (failure.kind, failure.message)):
        assert kind is FailureKind.UNREACHABLE
        assert "connection refused" in text.lower()


@pytest.mark.parametrize("where", ["handshake", "addresses"])
def test_stopping_ends_a_hanging_call_within_two_seconds(where: str) -> None:
    stop = threading.Event()
    hung = mute() if where == "handshake" else dead(DEAD[:1])
    host = "https://127.0.0.1" if where == "handshake" else f"http://{DEAD[0]}"
    with hung as port, Http(stop=stop, limits=HttpLimits(connect=30)) as session:
        threading.Timer(0.5, stop.set).start()
        started = time.monotonic()
        with pytest.raises(InterruptedRunError):
            session.get(f"{host}:{port}/a")
        assert time.monotonic() - started < SOON


def test_stopping_ends_a_hung_lookup_within_two_seconds(tmp_path: Path) -> None:
    script = (
        "import threading, time; from backhaul import Http\n"
        "stop = threading.Event(); threading.Timer(0.5, stop.set).start()\n"
        "started = time.monotonic()\n"
        "try: Http(stop=stop).get('http://files.test/')\n"
        "except BaseException as error: print(type(error).__name__)\n"
        "print(time.monotonic() - started)\n"
    )
    with names(tmp_path) as dns:
        dns.silent = True
        started = time.monotonic()
        out = _python(dns.command, script)
        assert time.monotonic() - started < 2 * SOON
    name, seconds = out.split()
    assert name == "InterruptedRunError"
    assert float(seconds) < SOON


def _both(
    command: Callable[..., list[str]], url: str, folder: Path
) -> list[tuple[str, str, float]]:
    """What an API call and a transfer report, and after how many seconds."""
    results: list[tuple[str, str, float]] = json.loads(_python(command, BOTH, url, folder / "job"))
    return results


def _python(command: Callable[..., list[str]], script: str, *words: object) -> str:
    done = subprocess.run(
        command(sys.executable, "-c", script, *words),
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
