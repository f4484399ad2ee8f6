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
from tests.messages import assert_messages
from tests.soon import SOON

from backhaul.config.notices import Webhook
from backhaul.events import JobEnded
from backhaul.notify import webhook
from backhaul.notify.problems import Problems
from backhaul.run.result import JobOutcome, JobResult, RunResult

PATH = "/services/T0000/B0000/Zq81hW0mXv"
TOKEN = "Bearer kR7-very-secret-token"


@dataclass
class Posted:
    """A server that records what is posted to it; it responds with these statuses in turn, then 200."""

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
            self.wfile.write(TOKEN.encode())  # a server may echo what it received

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


def test_a_run_is_posted_once_even_for_two_configurations(
    hook: Posted, bench: Any, backhaul: Any
) -> None:
    one = bench(slots=3)
    one.write(settings__webhook=asked(hook, per="run"))
    other = one.path.with_name("other.yaml")
    other.write_text(one.path.read_text().replace("dest: archive", "dest: elsewhere"))

    assert backhaul("run", one.path, other).code == 0

    (body,) = hook.bodies
    VALIDATOR.validate(body)
    assert body["event"] == "run_ended"
    assert [job["exit_code"] for job in body["jobs"]] == [0, 0]


def test_a_posted_run_includes_the_failure_of_a_command(
    hook: Posted, bench: Any, backhaul: Any
) -> None:
    one = bench(slots=1)
    one.write(
        settings__webhook=asked(hook, per="run"),
        settings__on_job={"command": ["false"], "on_error": "fail"},
    )

    assert backhaul("run", one.path).code == 3

    assert hook.bodies[0]["exit_code"] == 3


def test_a_post_is_retried_until_the_server_accepts_it(
    hook: Posted, bench: Any, backhaul: Any
) -> None:
    one = bench(slots=1)
    hook.statuses += [503, 500, 429]
    one.write(settings__webhook=asked(hook))

    ran = backhaul("run", one.path, "--json")

    assert len(hook.bodies) == 4
    assert ran.json["jobs"][0]["warnings"] == []


@pytest.mark.parametrize(
    ("statuses", "message"),
    [
        ([404], "404 Not Found"),
        ([500, 500], "500 Internal"),
        ([302], "redirects"),
        ([307], "redirects"),
    ],
)
def test_a_refusal_is_a_warning_that_shows_no_secret(
    statuses: list[int], message: str, *, hook: Posted, bench: Any, backhaul: Any, tmp_path: Path
) -> None:
    one, log = bench(slots=1), tmp_path / "log"
    hook.statuses += statuses
    one.write(settings__webhook=asked(hook, retries=1))

    ran = backhaul("run", one.path, "--json", "-vv", "--log-file", log)

    (warning,) = ran.json["jobs"][0]["warnings"]
    assert ran.code == 0
    assert_messages([warning], ("webhook: ", message, "http://127.0.0.1:"))
    assert hook.paths == [PATH] * len(statuses)
    for text in (ran.out, ran.err, log.read_text()):
        assert "Zq81hW0mXv" not in text
        assert "very-secret" not in text


def test_an_unreachable_server_is_a_warning_and_transfers_do_not_wait(
    bench: Any, backhaul: Any
) -> None:
    one = bench(slots=12)
    one.write(settings__webhook={"url": "http://127.0.0.1:9/hook", "retries": 1})

    ran = backhaul("run", one.path, "--json")

    (job,) = ran.json["jobs"]
    assert (ran.code, job["state"]) == (0, "complete")
    assert_messages(job["warnings"], ("webhook: ", "http://127.0.0.1:9"))


def test_ctrl_c_ends_a_post_within_two_seconds(
    hook: Posted, bench: Any, spawn: Callable[..., Any]
) -> None:
    one = bench(slots=1)
    hook.stall = 60.0
    one.write(settings__webhook=asked(hook))
    process = spawn("run", one.path, "--json")
    while not hook.bodies:
        time.sleep(0.05)

    time.sleep(0.5)  # the run has ended, and waits for the response
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)

    assert time.monotonic() - started < SOON
    assert process.returncode == 130
    assert_messages(json.loads(out)["jobs"][0]["warnings"], ("webhook: not posted",))


def test_a_url_may_be_stored_elsewhere_and_unset_if_nothing_is_posted(
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
    assert_messages(ran.json["jobs"][0]["warnings"], ("webhook: ", "http or https"))
    assert "secret-host" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("keys", "column", "message"),
    [
        ("{url: ftp://a.example/secret}", 18, ("settings.webhook.url", "http or https")),
        ("{url: 'https://u:p4ss@a.example/'}", 18, ("settings.webhook.url", "headers")),
        ("{ulr: https://a.example/secret}", 13, ("settings.webhook", '"ulr"', '"url"')),
        ("{url: https://a.example/, per: file}", 43, ("settings.webhook.per", '"job"', '"run"')),
        ("{url: https://a.example/, headers: {A: 1}}", 51, ("settings.webhook.headers.A", "quote")),
    ],
)
def test_an_error_is_reported_with_its_position_and_without_the_url(
    keys: str, column: int, message: tuple[str, ...], tmp_path: Path, backhaul: Any
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"version: 1\nsettings:\n  webhook: {keys}\nsources: {{}}\n")

    ran = backhaul("validate", path)

    assert ran.code == 2
    lines = [line for line in ran.err.splitlines() if line.startswith(f"{path}:3:")]
    assert_messages(lines[-1:], (f"{path}:3:{column}: ", *message))
    assert "secret" not in ran.err
    assert "p4ss" not in ran.err


def test_a_post_that_times_out_is_reported_once(
    hook: Posted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_AT_LAST", 0.0)  # as if a busy machine gave its thread no time
    hook.stall = 60.0
    problems, folder = Problems(), "/archive/a"
    notice = webhook.WebhookNotice(
        Webhook.model_validate({"url": hook.url}), agent=None, problems=problems
    )
    result = JobResult(job="a", source="s", provider="p", state=JobOutcome.COMPLETE, folder=folder)
    notice(JobEnded(job="a", folder=folder, result=result))
    while not hook.bodies:
        time.sleep(0.05)

    notice.over(None)
    notice.close()

    run = RunResult(jobs=(result,))
    reported = problems.into(run)
    assert reported.jobs[0].warnings == ("webhook: not posted: the run has ended",)
    notice._thread.join(SOON)
    assert not notice.busy
    assert problems.into(run) == reported
