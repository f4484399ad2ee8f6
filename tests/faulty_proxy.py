"""A fault-injecting proxy in front of a real HTTP server, over real sockets."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

_BLOCK: Final = 1 << 16


@dataclass(frozen=True)
class Fault:
    """The fate of a request.

    Attributes:
        status: the proxy's own status; 0: the request is forwarded to the server.
        code: the code in the XML body of a store's error.
        reset_after: bytes of the request's body that are read before the connection is reset.
        lost: the server processes the request, but its response is lost.
        wait: seconds before the response.
        cut: bytes of the response's body that are sent before the connection is closed.
        then: called when the server has responded, before the response is forwarded.
    """

    status: int = 0
    code: str = ""
    reset_after: int | None = None
    lost: bool = False
    wait: float = 0.0
    cut: int | None = None
    then: Callable[[], None] | None = None


@dataclass(frozen=True)
class Asked:
    """A request; ``number`` counts requests of its method, from 1."""

    method: str
    path: str
    number: int
    headers: dict[str, str] = field(default_factory=dict)


Rule = Callable[[Asked], Fault | None]


class FaultyProxy:
    """Forwards requests to a server; ``rule`` chooses the faults.

    Attributes:
        url: the proxy's URL.
        requests: all requests so far.
        connections: how many were opened so far.
        answered: the server's responses: method, path and status.
        rule: what happens to a request; may be replaced at any time.
    """

    def __init__(self, server: str, rule: Rule | None = None) -> None:
        self.rule: Rule = rule or (lambda _: None)
        self.requests: list[Asked] = []
        self.connections = 0
        self.answered: list[tuple[str, str, int]] = []
        self._lock = threading.Lock()
        proxy, backend = self, urlsplit(server)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                proxy.connections += 1
                super().setup()

            def _any(self) -> None:
                proxy.handle(self, str(backend.hostname), backend.port or 80)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                pass  # the client has gone away

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def count(self, method: str, part: str = "") -> int:
        """The number of requests of a method whose path contains this text."""
        with self._lock:
            return sum(each.method == method and part in each.path for each in self.requests)

    def _noted(self, handler: BaseHTTPRequestHandler) -> Asked:
        with self._lock:
            number = 1 + sum(each.method == handler.command for each in self.requests)
            found = Asked(handler.command, handler.path, number, dict(handler.headers.items()))
            self.requests.append(found)
        return found

    def handle(self, handler: BaseHTTPRequestHandler, host: str, port: int) -> None:
        """Responds to one request."""
        fault = self.rule(self._noted(handler)) or Fault()
        length = int(handler.headers.get("content-length", 0))
        if fault.reset_after is not None:
            handler.rfile.read(min(length, fault.reset_after))
            return _reset(handler)
        body = handler.rfile.read(length)
        if fault.wait:
            time.sleep(fault.wait)
        if fault.status:
            return _answer(handler, fault)
        found, data = _forwarded(handler, body, host, port)
        self._pass_on(handler, fault, found, data)
        return None

    def _pass_on(
        self,
        handler: BaseHTTPRequestHandler,
        fault: Fault,
        found: http.client.HTTPResponse,
        data: bytes,
    ) -> None:
        with self._lock:
            self.answered.append((handler.command, handler.path, found.status))
        if fault.then is not None:
            fault.then()
        if fault.lost:
            _reset(handler)
            return
        handler.send_response_only(found.status)
        for key, value in found.getheaders():
            if key.lower() not in {"transfer-encoding", "connection"}:
                handler.send_header(key, value)
        if found.getheader("content-length") is None:
            handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data if fault.cut is None else data[: fault.cut])
        if fault.cut is not None:
            handler.close_connection = True

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _forwarded(
    handler: BaseHTTPRequestHandler, body: bytes, host: str, port: int
) -> tuple[http.client.HTTPResponse, bytes]:
    server = http.client.HTTPConnection(host, port, timeout=60)
    try:
        server.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for key, value in handler.headers.items():
            server.putheader(key, value)
        server.endheaders(body or None)
        found = server.getresponse()
        return found, found.read()
    finally:
        server.close()


def _answer(handler: BaseHTTPRequestHandler, fault: Fault) -> None:
    body = f"<Error><Code>{fault.code}</Code></Error>".encode() if fault.code else b""
    handler.send_response_only(fault.status)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    with suppress(OSError):
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # closes with RST
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.connection.shutdown(socket.SHUT_RD)
        handler.connection.close()


@contextmanager
def faulty_proxy(server: str, rule: Rule | None = None) -> Iterator[FaultyProxy]:
    """A proxy that runs until the context is left."""
    proxy = FaultyProxy(server, rule)
    try:
        yield proxy
    finally:
        proxy.close()
