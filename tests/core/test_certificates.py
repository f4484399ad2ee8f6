"""Rejected certificates in API calls and transfers: the message names the host and the reason."""

import http.server
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from tests.core.transfer.collecting import fetch

from backhaul import Http, UnreachableError
from backhaul.errors import FailureKind

BODY = b"{}\n"


class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        pass


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Clients that do not trust the server are expected here."""


def expired(ours: trustme.CA, _: trustme.CA) -> trustme.LeafCert:
    return ours.issue_cert("localhost", not_after=datetime.now(UTC) - timedelta(days=1))


def unknown_issuer(_: trustme.CA, other: trustme.CA) -> trustme.LeafCert:
    return other.issue_cert("localhost")


def other_host(ours: trustme.CA, _: trustme.CA) -> trustme.LeafCert:
    return ours.issue_cert("other.example")


def good(ours: trustme.CA, _: trustme.CA) -> trustme.LeafCert:
    return ours.issue_cert("localhost")


Make = Callable[[trustme.CA, trustme.CA], trustme.LeafCert]


@pytest.fixture
def url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A server with the requested certificate."""
    ours, other = trustme.CA(), trustme.CA()
    make: Make = request.param
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    make(ours, other).configure_cert(context)
    ours.cert_pem.write_to_path(tmp_path / "ours.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ours.pem"))
    server = Quiet(("127.0.0.1", 0), Files)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("url", [good], indirect=True)
def test_a_certificate_of_a_trusted_authority_is_taken(url: str, tmp_path: Path) -> None:
    with Http() as session:
        assert session.get(f"{url}/x").content == BODY
    assert fetch(tmp_path / "job", {"x": f"{url}/x"}).data == {"x": BODY}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (expired, r"expired"),
        (unknown_issuer, r"issuer|self.signed"),
        (other_host, r"match|not valid for"),
    ],
    indirect=["url"],
)
def test_a_refused_certificate_is_told_with_host_and_reason_and_not_retried(
    url: str, reason: str, tmp_path: Path
) -> None:
    with Http() as session, pytest.raises(UnreachableError) as caught:
        session.get(f"{url}/x")
    failure = fetch(tmp_path / "job", {"x": f"{url}/x"}, retries=3).failures["x"]
    assert failure.kind is FailureKind.UNREACHABLE
    assert not failure.retry
    for message in (caught.value.message, failure.message):
        assert "localhost" in message
        assert re.search(reason, message, re.IGNORECASE), message
