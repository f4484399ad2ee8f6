"""Loopback HTTP servers whose responses a test scripts by path."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from backhaul.http.session import Http, HttpLimits

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True, kw_only=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    released: threading.Event = field(default_factory=threading.Event)

    def respond(self, path: str, *answers: Answer) -> None:
        """Responds to requests for the path with these in turn, repeating the last one."""
        self.answers[path] = list(answers)

    def take(self, path: str) -> Answer:
        answers = self.answers.get(path.partition("?")[0], [reply(404, b"no such path")])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @property
    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]


def reply(status: int = 200, body: bytes = b"", **headers: Any) -> Answer:
    """A response; header names are written with underscores."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), str(value))
        if "Content_Length" not in headers:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.fixture
def serve() -> Iterator[Callable[[], Server]]:
    """Creates servers, each with its own origin."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread, Server]] = []

    def make() -> Server:
        server = Server()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                seen = Seen(
                    method=self.command,
                    path=self.path,
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=self.rfile.read(length),
                )
                server.seen.append(seen)
                try:
                    server.take(self.path)(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_GET = do_POST = do_HEAD = handle_one

            def log_message(self, *args: Any) -> None:  # type: ignore[override]  # quiet
                pass

        listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        listener.daemon_threads = True
        listener.block_on_close = False
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        server.url = f"http://127.0.0.1:{listener.server_port}"
        running.append((listener, thread, server))
        return server

    yield make
    for listener, thread, server in running:
        server.released.set()
        listener.shutdown()
        listener.server_close()
        thread.join()


@pytest.fixture
def server(serve: Callable[[], Server]) -> Server:
    return serve()


@pytest.fixture
def http() -> Iterator[Http]:
    with Http(limits=HttpLimits(retries=3, connect=2, read=2, total=5, patience=5)) as session:
        yield session


@pytest.fixture
def once() -> Iterator[Http]:
    """A session that never retries."""
    with Http(limits=HttpLimits(retries=0, connect=2, read=0.5, total=1, body=10_000)) as session:
        yield session


@pytest.fixture(name="reply")
def reply_fixture() -> Callable[..., Answer]:
    return reply
