"""A server whose responses are written by the test, byte for byte."""

import socketserver
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.serving import serving


@dataclass(frozen=True, slots=True)
class Asked:
    """A request; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    number: int

    @property
    def offset(self) -> int | None:
        """The start of the requested range; None if the whole file was requested."""
        wanted = self.headers.get("range")
        return None if wanted is None else int(wanted.removeprefix("bytes=").partition("-")[0])


Answer = Callable[[Asked], bytes]


def reply(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A response; ``length``: the announced length if it differs from the body's; -1: none."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if length != -1:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Scripted(socketserver.ThreadingTCPServer):
    """Answers each request according to the script, and closes the connection."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, script: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.script = script
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        """Without a trailing slash."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: Any) -> None:
        """Clients may close the connection at any time."""


class _Connection(socketserver.StreamRequestHandler):
    server: Scripted

    def handle(self) -> None:
        first = self.rfile.readline().decode().split(" ")
        headers = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        asked = Asked(first[1], headers, len(self.server.asked))
        self.server.asked.append(asked)
        self.wfile.write(self.server.script(asked))


@contextmanager
def scripted(script: Answer) -> Iterator[Scripted]:
    """A server that runs until the context is left."""
    with serving(Scripted(script)) as server:
        yield server
