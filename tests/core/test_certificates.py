"""Rejected certificates in API calls and transfers: the message names the host and the reason."""

import re
import ssl
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from tests.core.transfer.collecting import fetch
from tests.serving import Handler, Server, serving

from backhaul import Http, UnreachableError
from backhaul.errors import FailureKind

BODY = b"{}\n"


class Files(Handler):
    def do_GET(self) -> None:
        self.respond(200, BODY)


def expired(ours: trustme.CA, _: trustme.CA) -> trustme.LeafCert:
    return ours.issue_cert("localhost", not_after=datetime.now(UTC) - timedelta(days=1))


def unknown_issuer(_: trustme.CA, other: trustme.CA) -> trustme.LeafCert:
    return other.issue_cert("localhost")


def other_host(ours: trustme.CA, _: trustme.CA) -> trustme.LeafCert:
    return ours.issue_cert("other.example")


def good(ours: trustme.CA, _: trustme.CA) -> trustme.LeafCert:
    return ours.issue_cert("localhost")


def requires_a_client_certificate(context: ssl.SSLContext, ours: trustme.CA) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    ours.configure_trust(context)


def requires_a_client_certificate_at_once(context: ssl.SSLContext, ours: trustme.CA) -> None:
    requires_a_client_certificate(context, ours)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # later versions ask after the handshake


def has_old_versions_only(context: ssl.SSLContext, _: trustme.CA) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1


CERTIFICATES = {expired, unknown_issuer, other_host, good}


@pytest.fixture
def url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A server with the requested certificate, or with a good one and the requested manners."""
    ours, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if request.param in CERTIFICATES:
        request.param(ours, other).configure_cert(context)
    else:
        good(ours, other).configure_cert(context)
        request.param(context, ours)
    ours.cert_pem.write_to_path(tmp_path / "ours.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ours.pem"))
    server = Server(("127.0.0.1", 0), Files)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    with serving(server):
        yield f"https://localhost:{server.server_port}"


@pytest.mark.parametrize("url", [good], indirect=True)
def test_a_certificate_of_a_trusted_authority_is_accepted(url: str, tmp_path: Path) -> None:
    with Http() as session:
        assert session.get(f"{url}/x").content == BODY
    assert fetch(tmp_path / "job", {"x": f"{url}/x"}).data == {"x": BODY}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (expired, r"expired"),
        (unknown_issuer, r"issuer|self.signed"),
        (other_host, r"match|not valid for"),
        (requires_a_client_certificate, r"requires a client certificate"),
        (requires_a_client_certificate_at_once, r"may require a client certificate"),
        (has_old_versions_only, r"does not support TLS 1.2 or later"),
    ],
    indirect=["url"],
)
def test_a_refused_certificate_is_reported_with_host_and_reason_and_not_retried(
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


def test_a_server_without_tls_is_distinguished(tmp_path: Path) -> None:
    with serving(Server(("127.0.0.1", 0), Files)) as server:
        url = f"https://localhost:{server.server_port}"
        with Http() as session, pytest.raises(UnreachableError, match="does not speak TLS"):
            session.get(f"{url}/x")
        failure = fetch(tmp_path / "job", {"x": f"{url}/x"}, retries=3).failures["x"]
    assert "does not speak TLS" in failure.message
    assert not failure.retry
