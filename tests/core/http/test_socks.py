"""SOCKS proxies: API calls and transfers go through one; without PySocks, API calls say what they need."""

import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.core.transfer.collecting import fetch
from tests.serving import Handler, Server, serving
from tests.soon import SOON

from backhaul import Http, InterruptedRunError

VARIABLES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")
WITHOUT = """
import sys
sys.modules["socks"] = None
from backhaul import BackhaulError, Http
try:
    Http().get("http://archive.example/x")
except BackhaulError as error:
    print(type(error).__name__, error)
"""


class Files(Handler):
    def do_GET(self) -> None:
        self.respond(200, b"{}\n")


class Socks(socketserver.StreamRequestHandler):
    """SOCKS 5 (RFC 1928) without credentials; whatever host is wanted, it connects to ``port``."""

    port: int
    wanted: list[bytes]

    def handle(self) -> None:
        methods = self.rfile.read(2)[1]
        self.rfile.read(methods)
        self.wfile.write(b"\x05\x00")
        kind = self.rfile.read(4)[3]
        size = self.rfile.read(1)[0] if kind == 3 else {1: 4, 4: 16}[kind]
        self.wanted.append(self.rfile.read(size))
        self.rfile.read(2)
        with socket.create_connection(("127.0.0.1", self.port)) as there:
            self.wfile.write(b"\x05\x00\x00\x01" + bytes(6))
            back = threading.Thread(target=self._copy, args=(there,))
            back.start()
            while data := self.connection.recv(65536):
                there.sendall(data)
            there.shutdown(socket.SHUT_WR)
            back.join()

    def _copy(self, there: socket.socket) -> None:
        while data := there.recv(65536):
            self.connection.sendall(data)


def test_calls_and_transfers_use_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("socks", reason="PySocks is not installed")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    files = Server(("127.0.0.1", 0), Files)
    handler = type("Own", (Socks,), {"port": files.server_port, "wanted": []})
    proxy = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    with serving(files), serving(proxy):
        monkeypatch.setenv("all_proxy", f"socks5h://127.0.0.1:{proxy.server_address[1]}")
        with Http() as session:
            assert session.get("http://archive.example/x").content == b"{}\n"
        found = fetch(tmp_path / "job", {"a": "http://archive.example/a"})
    assert found.data == {"a": b"{}\n"}
    assert handler.wanted == [b"archive.example"] * 2  # type: ignore[attr-defined]  # made above


class Late(socketserver.StreamRequestHandler):
    """A SOCKS proxy that connects once it is ``released``, and then waits for the client to close."""

    asked: threading.Event
    released: threading.Event
    closed: threading.Event

    def handle(self) -> None:
        self.wfile.write(b"\x05\x00")
        self.rfile.read(1)
        self.asked.set()
        self.released.wait(SOON)
        self.wfile.write(b"\x05\x00\x00\x01" + bytes(6))
        while self.rfile.read(1):
            pass
        self.closed.set()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_that_a_proxy_makes_after_the_stop_is_closed(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    socks = pytest.importorskip("socks", reason="PySocks is not installed")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    kept: list[
        object
    ] = []  # what nothing refers to is closed by the garbage collection, with a warning
    monkeypatch.setattr(socks.socksocket, "__init__", _remembering(socks.socksocket.__init__, kept))
    events = {each: threading.Event() for each in ("asked", "released", "closed")}
    proxy = socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Own", (Late,), dict(events)))
    monkeypatch.setenv("all_proxy", f"socks5h://127.0.0.1:{proxy.server_address[1]}")
    stop = threading.Event()
    with serving(proxy), ThreadPoolExecutor() as pool, Http(stop=stop) as session:
        call = pool.submit(session.get, f"{scheme}://archive.example/x")
        assert events["asked"].wait(SOON)
        stop.set()
        with pytest.raises(InterruptedRunError):
            call.result(SOON)
        events["released"].set()
        assert events["closed"].wait(SOON)
    assert kept


def _remembering(init: Callable[..., None], kept: list[object]) -> Callable[..., None]:
    def remembering(self: object, *args: object, **options: object) -> None:
        kept.append(self)
        init(self, *args, **options)

    return remembering


class Hangs(socketserver.StreamRequestHandler):
    """A SOCKS proxy that stops responding after it has sent ``greeting``."""

    greeting: bytes
    asked: threading.Event
    released: threading.Event

    def handle(self) -> None:
        self.wfile.write(self.greeting)
        self.rfile.read(1)
        self.asked.set()
        self.released.wait(SOON)


@pytest.mark.parametrize(
    "greeting",
    [b"", b"\x05\x00", b"\x05\x00\x05\x00\x00\x01" + bytes(6)],
    ids=["greeting", "connection", "answer or handshake"],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_call_through_a_proxy_that_hangs_is_stopped(
    monkeypatch: pytest.MonkeyPatch, scheme: str, greeting: bytes
) -> None:
    pytest.importorskip("socks", reason="PySocks is not installed")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    asked, released, stop = threading.Event(), threading.Event(), threading.Event()
    handler = type("Own", (Hangs,), {"greeting": greeting, "asked": asked, "released": released})
    proxy = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    proxy.daemon_threads = True
    monkeypatch.setenv("all_proxy", f"socks5h://127.0.0.1:{proxy.server_address[1]}")
    with serving(proxy), ThreadPoolExecutor() as pool, Http(stop=stop) as session:
        call = pool.submit(session.get, f"{scheme}://archive.example/x")
        assert asked.wait(SOON)
        stop.set()
        with pytest.raises(InterruptedRunError):
            call.result(SOON)
        released.set()


def test_without_pysocks_a_call_names_the_variable_and_the_package() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env={"all_proxy": "socks5://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (
        "ConfigError GET http://archive.example/x: all_proxy names a SOCKS proxy; API calls through it need PySocks:"
        " pip install PySocks\n"
    )
