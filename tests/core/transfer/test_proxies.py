"""Files over TLS through a proxy: of the two response heads, the last is the file's."""

import http.server
import select
import shutil
import socket
import socketserver
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.transfer.collecting import fetch
from tests.core.transfer.scripted import reply, scripted
from tests.serving import Handler, serving

from backhaul.errors import ConfigError, FailureKind
from backhaul.transfer.head import Head, is_plain_200
from backhaul.transfer.verification import _quick_validator
from backhaul.types import SlotState

CONNECT = [b"HTTP/1.1 200 Connection established\r\n", b'ETag: "proxy"\r\n', b"\r\n"]
PAGE = b"<html>no such thing</html>"


class Files(Handler):
    """Responds with the status named in the path, always with a body."""

    def do_GET(self) -> None:
        self.respond(int(self.path.strip("/")), PAGE)


class Tunnel(socketserver.StreamRequestHandler):
    """A proxy that supports CONNECT."""

    def handle(self) -> None:
        host, port = self.rfile.readline().split()[1].decode().rsplit(":", 1)
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"".join((CONNECT[0], CONNECT[2])))
        with socket.create_connection((host, int(port))) as there:
            here = self.connection
            while True:
                for ready in select.select([here, there], [], [], 10)[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    (there if ready is here else here).sendall(data)


class TunnelServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
def storage(certificate: tuple[Path, Path]) -> Iterator[str]:
    """The URL of a storage with TLS."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield f"https://127.0.0.1:{server.server_port}"


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("NO_PROXY", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = TunnelServer(("127.0.0.1", 0), Tunnel)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_address[1]}")
    with serving(server):
        yield


@pytest.mark.usefixtures("proxy")
def test_an_error_page_behind_a_proxy_is_not_a_file(
    storage: str, certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    urls = {status: f"{storage}/{status}" for status in ("200", "403", "404", "500")}
    found = fetch(tmp_path / "job", urls)
    assert found.data == {"200": PAGE}
    assert {name: failure.kind for name, failure in found.failures.items()} == {
        "403": FailureKind.DENIED,
        "404": FailureKind.NOT_FOUND,
        "500": FailureKind.UNREACHABLE,
    }


def test_a_proxys_response_to_connect_is_not_the_files() -> None:
    missing = [*CONNECT, b"HTTP/1.1 404 Not Found\r\n", b"\r\n"]
    assert not is_plain_200(missing)
    assert Head.parse(missing).status == 404
    assert is_plain_200([b"HTTP/1.1 200 OK\r\n", b"X-Note: HTTP/1.1 404\r\n", b"\r\n"])
    assert not is_plain_200([])


def test_the_validator_is_the_files_and_not_the_proxys() -> None:
    assert _quick_validator([*CONNECT, b"HTTP/1.1 200 OK\r\n", b'ETag: "file"\r\n']) == '"file"'
    assert _quick_validator([*CONNECT, b"HTTP/1.1 200 OK\r\n", b"\r\n"]) is None


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        ("SSL_CERT_FILE", False),
        ("REQUESTS_CA_BUNDLE", False),
        ("REQUESTS_CA_BUNDLE", True),
        ("SSL_CERT_DIR", True),
    ],
)
def test_custom_certificates_are_trusted(
    storage: str,
    certificate: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    *,
    folder: bool,
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    refused = fetch(tmp_path / "job", {"x": f"{storage}/200"})
    assert refused.failures["x"].kind is FailureKind.UNREACHABLE
    path = certificate[0]
    if folder:
        openssl = shutil.which("openssl") or ""
        command = [openssl, "x509", "-hash", "-noout", "-in", str(path)]
        digest = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        (tmp_path / "trusted").mkdir()
        (tmp_path / "trusted" / f"{digest}.0").write_bytes(path.read_bytes())
        path = tmp_path / "trusted"
    monkeypatch.setenv(variable, str(path))
    assert fetch(tmp_path / "job", {"x": f"{storage}/200"}).data == {"x": PAGE}


def test_missing_certificates_are_a_configuration_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
        fetch(tmp_path / "job", {})


@pytest.mark.parametrize(
    ("status", "asked"), [(404, 1), (403, 1), (410, 1), (502, 2), (503, 2), (504, 2)]
)
def test_a_proxy_that_refuses_connect_is_unreachable_whatever_its_status(
    status: int, asked: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with scripted(lambda _: reply(PAGE, status=f"{status} No", length=0)) as server:
        monkeypatch.setenv("https_proxy", server.url)
        found = fetch(tmp_path / "job", {"a": "https://storage.example/a?Signature=x"}, retries=1)
    failure = found.failures["a"]
    assert failure.kind is FailureKind.UNREACHABLE
    assert failure.state is SlotState.FAILED, "it is not missing"
    assert server.url in failure.message
    assert f"HTTP {status}" in failure.message
    assert len(server.asked) == asked


def test_a_proxy_that_cannot_be_reached_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with scripted(lambda _: b"") as gone:
        url = gone.url
    monkeypatch.setenv("http_proxy", url.replace("//", "//me:s3cr3t@"))
    found = fetch(tmp_path / "job", {"a": "http://storage.example/a"})
    assert f"{url} (http_proxy)" in found.failures["a"].message
    assert "s3cr3t" not in found.failures["a"].message
