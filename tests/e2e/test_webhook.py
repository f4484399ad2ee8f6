"""``settings.webhook``: posts to a real server, which fails, stalls, redirects, or looks at secrets."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.event_lines import VALIDATOR
from tests.told import assert_told

PATH = "/services/T0000/B0000/Zq81hW0mXv"
TOKEN = "Bearer kR7-very-secret-token"


@dataclass
class Posted:
    """A server, what was posted to it, and how it answers: statuses in turn, then 200."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    stall: float = 0.0
    released: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def hook() -> Iterator[Posted]:
    posted = Posted()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.paths.append(self.path)
            posted.tokens.append(self.headers["Authorization"])
            assert self.headers["Content-Type"] == "application/json"
            posted.bodies.append(json.loads(body))
            posted.released.wait(posted.stall)
            self.send_response(posted.statuses.pop(0) if posted.statuses else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(TOKEN)))
            self.end_headers()
            self.wfile.write(TOKEN.encode())  # a server may say again what it was told

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    posted.url = f"http://127.0.0.1:{server.server_port}{PATH}"
    yield posted
    posted.released.set()
    server.shutdown()
    server.server_close()


def asked(hook: Posted, **keys: Any) -> dict[str, Any]:
    return {"url": hook.url, "headers": {"Authorization": TOKEN}, **keys}


def test_each_job_that_ends_is_posted(hook: Posted, bench: Any, backhaul: Any) -> None:
    one = bench(slots=6)
    one.write(settings__webhook=asked(hook))

    ran = backhaul("run", one.path, "--json")

    (job,) = ran.json["jobs"]
    (body,) = hook.bodies
    VALIDATOR.validate(body)
    assert body["event"] == "job_ended"
    assert body["result"] == {**job, "exit_code": 0}
    assert (hook.paths, hook.tokens) == ([PATH], [TOKEN])
    assert job["warnings"] == []


def test_or_the_run_is_once_also_for_two_files(hook: Posted, bench: Any, backhaul: Any) -> None:
    one = bench(slots=3)
    one.write(settings__webhook=asked(hook, per="run"))
    other = one.path.with_name("other.yaml")
    other.write_text(one.path.read_text().replace("dest: archive", "dest: elsewhere"))

    assert backhaul("run", one.path, other).code == 0

    (body,) = hook.bodies
    VALIDATOR.validate(body)
    assert body["event"] == "run_ended"
    assert [job["exit_code"] for job in body["jobs"]] == [0, 0]


def test_what_is_posted_of_a_run_knows_that_a_command_failed(
    hook: Posted, bench: Any, backhaul: Any
) -> None:
    one = bench(slots=1)
    one.write(
        settings__webhook=asked(hook, per="run"),
        settings__on_job={"command": ["false"], "on_error": "fail"},
    )

    assert backhaul("run", one.path).code == 3

    assert hook.bodies[0]["exit_code"] == 3


def test_it_is_posted_again_until_the_server_takes_it(
    hook: Posted, bench: Any, backhaul: Any
) -> None:
    one = bench(slots=1)
    hook.statuses += [503, 500, 429]
    one.write(settings__webhook=asked(hook))

    ran = backhaul("run", one.path, "--json")

    assert len(hook.bodies) == 4
    assert ran.json["jobs"][0]["warnings"] == []


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ([404], "404 Not Found"),
        ([500, 500], "500 Internal"),
        ([302], "redirects"),
        ([307], "redirects"),
    ],
)
def test_a_refusal_is_a_warning_that_shows_no_secret(
    statuses: list[int], told: str, *, hook: Posted, bench: Any, backhaul: Any, tmp_path: Path
) -> None:
    one, log = bench(slots=1), tmp_path / "log"
    hook.statuses += statuses
    one.write(settings__webhook=asked(hook, retries=1))

    ran = backhaul("run", one.path, "--json", "-vv", "--log-file", log)

    (warning,) = ran.json["jobs"][0]["warnings"]
    assert ran.code == 0
    assert_told([warning], ("webhook: ", told, "http://127.0.0.1:"))
    assert hook.paths == [PATH] * len(statuses)
    for text in (ran.out, ran.err, log.read_text()):
        assert "Zq81hW0mXv" not in text
        assert "very-secret" not in text


def test_no_server_is_a_warning_and_transfers_do_not_wait(bench: Any, backhaul: Any) -> None:
    one = bench(slots=12)
    one.write(settings__webhook={"url": "http://127.0.0.1:9/hook", "retries": 1})

    ran = backhaul("run", one.path, "--json")

    (job,) = ran.json["jobs"]
    assert (ran.code, job["state"]) == (0, "complete")
    assert_told(job["warnings"], ("webhook: ", "http://127.0.0.1:9"))


def test_ctrl_c_ends_a_post_within_two_seconds(
    hook: Posted, bench: Any, spawn: Callable[..., Any]
) -> None:
    one = bench(slots=1)
    hook.stall = 60.0
    one.write(settings__webhook=asked(hook))
    process = spawn("run", one.path, "--json")
    while not hook.bodies:
        time.sleep(0.05)

    started = time.monotonic()
    time.sleep(0.5)  # the run is over, and waits for the answer
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)

    assert time.monotonic() - started < 2.5
    assert process.returncode == 130
    assert_told(json.loads(out)["jobs"][0]["warnings"], ("webhook: not posted",))


def test_a_url_may_be_kept_elsewhere_and_unset_where_nothing_is_posted(
    hook: Posted, bench: Any, backhaul: Any, tmp_path: Path
) -> None:
    one, kept = bench(slots=1), tmp_path / "url"
    kept.write_text(hook.url + "\n")
    one.write(settings__webhook={"url": {"file": "url"}})
    assert backhaul("run", one.path).code == 0
    assert hook.paths == [PATH]

    one.write(settings__webhook={"url": "${NO_SUCH_HOOK:?the chat's}"})
    assert backhaul("gaps", one.path).code == 0
    assert backhaul("run", one.path).code == 2

    kept.write_text("ftp://" + "secret-host.example/path")
    one.write(settings__webhook={"url": {"file": "url"}})
    ran = backhaul("run", one.path, "--json")
    assert_told(ran.json["jobs"][0]["warnings"], ("webhook: ", "http or https"))
    assert "secret-host" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("keys", "column", "told"),
    [
        ("{url: ftp://a.example/secret}", 18, ("settings.webhook.url", "http or https")),
        ("{url: 'https://u:p4ss@a.example/'}", 18, ("settings.webhook.url", "headers")),
        ("{ulr: https://a.example/secret}", 13, ("settings.webhook", '"ulr"', '"url"')),
        ("{url: https://a.example/, per: file}", 43, ("settings.webhook.per", '"job"', '"run"')),
        ("{url: https://a.example/, headers: {A: 1}}", 51, ("settings.webhook.headers.A", "quote")),
    ],
)
def test_a_mistake_is_told_with_its_place_and_without_the_url(
    keys: str, column: int, told: tuple[str, ...], tmp_path: Path, backhaul: Any
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"version: 1\nsettings:\n  webhook: {keys}\nsources: {{}}\n")

    ran = backhaul("validate", path)

    assert ran.code == 2
    lines = [line for line in ran.err.splitlines() if line.startswith(f"{path}:3:")]
    assert_told(lines[-1:], (f"{path}:3:{column}: ", *told))
    assert "secret" not in ran.err
    assert "p4ss" not in ran.err
