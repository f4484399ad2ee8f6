"""Retries, pacing, bounded waits, and the source of a call's settings."""

import email.utils
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.soon import SOON

from backhaul import (
    Http,
    Pace,
    Secret,
    ThrottledError,
    UnreachableError,
)
from backhaul.errors import ConfigError, InterruptedRunError
from backhaul.http.pacing import SourcePace
from backhaul.http.session import HttpLimits


@pytest.mark.parametrize("status", [409, 421, 423, 425, 429, 500, 502, 503, 504, 507])
def test_a_transient_error_is_waited_out(server: Any, http: Http, reply: Any, status: int) -> None:
    server.respond("/x", reply(status, Retry_After="0"), reply(status, Retry_After="0"), reply(200))
    assert http.get(f"{server.url}/x").status_code == 200
    assert http.calls == 3


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 418, 451, 501, 511])
def test_a_definite_refusal_is_not_retried(
    server: Any, http: Http, reply: Any, status: int
) -> None:
    server.respond("/x", reply(status))
    with pytest.raises(Exception, match=str(status)):
        http.get(f"{server.url}/x")
    assert http.calls == 1


def test_the_number_of_retries_is_limited(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(503, b"busy", Retry_After="0"))
    with pytest.raises(UnreachableError, match="503"):
        http.get(f"{server.url}/x")
    assert http.calls == 4


def test_a_requested_pause_beyond_the_patience_fails_immediately(
    server: Any, http: Http, reply: Any
) -> None:
    server.respond("/x", reply(429, Retry_After="3600"))
    with pytest.raises(ThrottledError) as caught:
        http.get(f"{server.url}/x")
    assert caught.value.retry_after == 3600
    assert http.calls == 1


def test_retry_after_is_kept(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(503, Retry_After="1"), reply(200))
    began = time.monotonic()
    http.get(f"{server.url}/x")
    assert time.monotonic() - began >= 1


def test_retry_after_as_a_date_is_read_by_the_servers_clock(
    server: Any, http: Http, reply: Any
) -> None:
    there = 1_480_000_000  # the server's clock is years behind
    answer = reply(
        429,
        Date=email.utils.formatdate(there, usegmt=True),
        Retry_After=email.utils.formatdate(there + 900, usegmt=True),
    )
    server.respond("/x", answer)
    with pytest.raises(ThrottledError) as caught:
        http.get(f"{server.url}/x")
    assert caught.value.retry_after == 900


def test_partial_content_is_not_accepted_for_a_whole_request(
    server: Any, http: Http, reply: Any
) -> None:
    part = {"Content_Range": "bytes 0-1/9"}
    server.respond("/once", reply(206, b"{}", **part), reply(200, b"{}"))
    server.respond("/always", reply(206, b"{}", **part))
    assert http.get_json(f"{server.url}/once") == {}
    with pytest.raises(UnreachableError, match="206"):
        http.get_json(f"{server.url}/always")
    assert http.get(f"{server.url}/always", headers={"Range": "bytes=0-1"}).content == b"{}"


def test_a_post_is_not_repeated_after_a_lost_answer(server: Any, http: Http) -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    server.respond("/x", hang_up)
    with pytest.raises(UnreachableError):
        http.post(f"{server.url}/x", data=b"order")
    assert http.calls == 1


def test_a_post_is_repeated_if_the_caller_allows_it(server: Any, http: Http, reply: Any) -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    server.respond("/x", hang_up, reply(200))
    http.post(f"{server.url}/x", data=b"question", retry=True)
    assert http.calls == 2


def test_a_refused_post_is_repeated(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(503, Retry_After="0"), reply(200))
    http.post(f"{server.url}/x", data=b"order")
    assert [seen.body for seen in server.seen] == [b"order", b"order"]


def test_calls_do_not_exceed_the_pace(server: Any, reply: Any) -> None:
    server.respond("/x", reply(200))
    with Http(pace=Pace(20)) as http:
        began = time.monotonic()
        for _ in range(5):
            http.get(f"{server.url}/x")
        assert 0.2 <= time.monotonic() - began < SOON


def test_a_burst_is_sent_at_once(server: Any, reply: Any) -> None:
    server.respond("/x", reply(200))
    with Http(pace=Pace(0.1, burst=5)) as http:
        began = time.monotonic()
        for _ in range(5):
            http.get(f"{server.url}/x")
        assert time.monotonic() - began < SOON


def test_each_origin_has_its_own_pace(serve: Any, reply: Any) -> None:
    servers = [serve() for _ in range(4)]
    with Http(pace=Pace(0.05)) as http:
        began = time.monotonic()
        for each in servers:
            each.respond("/x", reply(200))
            http.get(f"{each.url}/x")
        assert time.monotonic() - began < SOON


def test_all_origins_of_a_source_share_its_pace(serve: Any, reply: Any) -> None:
    servers = [serve() for _ in range(4)]
    with Http() as one, Http() as two:
        one.keep_pace(SourcePace("a", Pace(10)))
        two.keep_pace(SourcePace("a", Pace(10)))
        began = time.monotonic()
        for http, each in zip((one, two, one, two), servers, strict=True):
            each.respond("/x", reply(200))
            http.get(f"{each.url}/x")
        assert 0.3 <= time.monotonic() - began < SOON


def test_a_pause_delays_every_call(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(200))
    began = time.monotonic()
    http.pause(0.3)
    http.get(f"{server.url}/x")
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("where", ["pause", "retry", "answer"])
def test_stopping_ends_every_wait_at_once(server: Any, reply: Any, where: str) -> None:
    stop = threading.Event()
    server.respond("/x", reply(503, Retry_After="60"))
    server.respond("/silent", lambda _handler: server.released.wait(20) and None)
    with Http(stop=stop) as http:
        if where == "pause":
            http.pause(60)
        threading.Timer(0.2, stop.set).start()
        began = time.monotonic()
        with pytest.raises(InterruptedRunError):
            http.get(f"{server.url}/silent" if where == "answer" else f"{server.url}/x")
        assert time.monotonic() - began < SOON


def test_after_stopping_no_request_is_made(server: Any, reply: Any) -> None:
    stop = threading.Event()
    stop.set()
    server.respond("/x", reply(200))
    with Http(stop=stop) as http, pytest.raises(InterruptedRunError):
        http.get(f"{server.url}/x")
    assert server.seen == []


def test_the_clock_difference_is_measured(server: Any, http: Http, reply: Any) -> None:
    assert http.clock_offset is None
    server.respond("/x", reply(200, Date=email.utils.formatdate(time.time() - 3600, usegmt=True)))
    http.get(f"{server.url}/x")
    assert http.clock_offset == pytest.approx(3600, abs=2)


def test_a_cached_response_does_not_determine_the_clock(
    server: Any, http: Http, reply: Any
) -> None:
    server.respond("/x", reply(200, Age="10", Date=email.utils.formatdate(0, usegmt=True)))
    http.get(f"{server.url}/x")
    assert http.clock_offset is None


def test_the_user_agent_names_backhaul_and_its_version(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(200))
    http.get(f"{server.url}/x")
    assert server.seen[0].headers["user-agent"].startswith("backhaul/")


def test_a_password_beyond_latin_1_is_sent_in_utf_8(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(200))
    http.get(f"{server.url}/x", auth=("me", Secret("пароль")))
    assert server.seen[0].headers["authorization"] == "Basic bWU60L/QsNGA0L7Qu9GM"


def test_a_secret_header_is_sent_as_its_text(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(200))
    http.get(f"{server.url}/x", headers={"Authorization": Secret("me:k3y")})
    assert server.seen[0].headers["authorization"] == "me:k3y"


def test_netrc_is_not_read(
    server: Any, http: Http, reply: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.respond("/x", reply(302, Location="/y"))
    server.respond("/y", reply(200))
    http.get(f"{server.url}/x")
    assert all("authorization" not in seen.headers for seen in server.seen)


def test_cookies_are_not_kept(server: Any, http: Http, reply: Any) -> None:
    server.respond("/x", reply(200, Set_Cookie="session=1; Path=/"))
    http.get(f"{server.url}/x")
    http.get(f"{server.url}/x")
    assert "cookie" not in server.seen[1].headers


def test_a_proxy_from_the_environment_is_used(
    server: Any, http: Http, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url.replace("http://", "http://me:pr0xy-word@"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.respond("http://archive.invalid/x", reply(407, b"not with pr0xy-word"))
    with pytest.raises(Exception, match="407") as caught:
        http.get("http://archive.invalid/x")
    assert server.seen[0].headers["proxy-authorization"].startswith("Basic ")
    assert "pr0xy-word" not in str(caught.value)


def test_threads_share_the_pace(server: Any, reply: Any) -> None:
    server.respond("/x", reply(200))
    with Http(pace=Pace(50)) as http:
        threads = [threading.Thread(target=lambda: http.get(f"{server.url}/x")) for _ in range(11)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - began >= 0.2


class TestTls:
    @pytest.fixture
    def secure(self, tmp_path: Path) -> Iterator[tuple[str, Path]]:
        key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", str(key), "-out", str(certificate), "-days", "2"]
        subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302 if self.path == "/down" else 200)
                self.send_header("Location", "http://127.0.0.1:9/")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *args: object) -> None:  # type: ignore[override]  # quiet
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *args: object) -> None:  # type: ignore[override]  # quiet
                pass

        listener = Quiet(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.server_port}", certificate
        listener.shutdown()
        listener.server_close()
        thread.join()

    def test_an_untrusted_certificate_is_refused_at_once(self, secure: Any, http: Http) -> None:
        url, _ = secure
        with pytest.raises(UnreachableError, match=r"/x: .*certificate"):
            http.get(f"{url}/x")
        assert http.calls == 1

    def test_ssl_cert_file_names_the_trusted_certificates(
        self, secure: Any, http: Http, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url, certificate = secure
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert http.get(f"{url}/x").content == b"ok"

    def test_a_missing_ssl_cert_file_is_named(
        self, secure: Any, http: Http, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        url, _ = secure
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
        with pytest.raises(ConfigError, match=r"SSL_CERT_FILE.*gone\.pem"):
            http.get(f"{url}/x")

    def test_https_is_never_downgraded_to_http(
        self, secure: Any, http: Http, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url, certificate = secure
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises(Exception, match=r"https.*\bhttp\b"):
            http.get(f"{url}/down")
        assert http.calls == 1


def test_default_limits_are_bounded() -> None:
    limits = HttpLimits()
    assert 0 < limits.connect <= 30
    assert 0 < limits.total <= 600
    assert limits.body == 100_000_000


def test_sessions_of_one_provider_share_its_pace(server: Any, reply: Any) -> None:
    server.respond("/x", reply(200))
    with Http(pace=Pace(4)) as one, Http(pace=Pace(4)) as two:
        began = time.monotonic()
        for http in (one, two, one):
            http.get(f"{server.url}/x")
        assert time.monotonic() - began >= 0.5
