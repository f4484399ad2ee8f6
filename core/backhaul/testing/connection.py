"""A connection of the test server: reads requests and sends replies in turn."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from backhaul.testing.message import Incoming, Misbehavior, Reply
from backhaul.testing.recorded import Headers

_BIG = 1 << 18
_MAX_HEAD = 1 << 16
_TICK = 0.02

Handler = Callable[[Incoming], "Reply | Awaitable[Reply]"]


class Port:
    """A listening loopback port with its handler and connection counts.

    Attributes:
        number: the TCP port.
        opened: connections accepted so far.
        now: open connections.
        peak: maximum number of open connections; a closed one counts until its end is read.
    """

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.number = 0
        self.opened = 0
        self.connections: set[Connection] = set()
        self.peak = 0

    @property
    def now(self) -> int:
        """The number of open connections."""
        return len(self.connections)

    def joined(self, connection: "Connection") -> None:
        """A connection was accepted."""
        self.opened += 1
        self.connections.add(connection)
        self.peak = max(self.peak, len(self.connections))

    def left(self, connection: "Connection") -> None:
        """A connection was closed."""
        self.connections.discard(connection)


class Connection(asyncio.Protocol):
    """Parses requests and writes replies; small plain replies need no task of their own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, port: Port) -> None:
        self._loop = loop
        self._port = port
        self._transport: Any = None
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._close_after = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = transport
        self._port.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client or the server closed the connection."""
        del exc
        self._port.left(self)
        self._writable.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """The write buffer is full."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The write buffer has drained."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Data was received."""
        self._buffer += data
        self._advance()

    def abort(self) -> None:
        """Close the connection immediately."""
        if self._transport is not None:
            self._transport.abort()

    def _advance(self) -> None:
        while self._task is None and not self._transport.is_closing():
            incoming = self._take()
            if incoming is None:
                return
            self._close_after = incoming.headers.get("connection", "").lower() == "close"
            reply = self._port.handler(incoming)
            if isinstance(reply, Reply) and _is_small(reply):
                self._send_small(incoming.method, reply)
            else:
                self._task = self._loop.create_task(self._send(incoming.method, reply))
                self._task.add_done_callback(self._sent)

    def _take(self) -> Incoming | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD:
                self._refuse(431)
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3:  # noqa: PLR2004 - method, target, version
            self._refuse(400)
            return None
        headers = Headers()
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdecimal():
            self._refuse(411)
            return None
        start, stop = end + 4, end + 4 + int(length)
        if len(self._buffer) < stop:
            if "expect" in headers and len(self._buffer) == start:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body = bytes(self._buffer[start:stop])
        del self._buffer[:stop]
        path, _, query = words[1].partition("?")
        return Incoming(method=words[0], path=path, query=query, headers=headers, body=body)

    def _refuse(self, status: int) -> None:
        self._transport.write(Reply(status=status, headers=[("Connection", "close")]).head())
        self._transport.close()

    def _send_small(self, method: str, reply: Reply) -> None:
        body = reply.body if method != "HEAD" and isinstance(reply.body, bytes) else b""
        self._transport.write(reply.head() + body)
        if self._close_after:
            self._transport.close()

    async def _send(self, method: str, pending: "Reply | Awaitable[Reply]") -> None:
        reply = pending if isinstance(pending, Reply) else await pending
        if method == "HEAD" or (_is_small(reply)):
            self._send_small(method, reply)
        elif isinstance(reply.body, bytes):
            self._transport.write(reply.head())
            await self._send_body(memoryview(reply.body), reply.misbehavior or Misbehavior())
        else:
            self._transport.write(reply.head())
            await self._send_chunked(reply.body)
        if self._close_after:
            self._transport.close()

    async def _send_body(self, body: memoryview, misbehavior: Misbehavior) -> None:
        stop = len(body) if misbehavior.cut_after is None else min(misbehavior.cut_after, len(body))
        step = _BIG
        if misbehavior.bytes_per_second is not None:
            step = max(1, round(misbehavior.bytes_per_second * _TICK))
        for at in range(0, stop, step):
            self._transport.write(body[at : min(at + step, stop)])
            await self._writable.wait()
            if misbehavior.bytes_per_second is not None:
                await asyncio.sleep(step / misbehavior.bytes_per_second)
        if misbehavior.stall:
            await asyncio.sleep(misbehavior.stall)
        if misbehavior.cut_after is not None or misbehavior.until_close:
            self._hang_up(reset=misbehavior.reset)

    def _hang_up(self, *, reset: bool) -> None:
        if reset:
            linger_none = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger_none
            )
            self._transport.abort()
        self._transport.close()

    async def _send_chunked(self, pieces: Iterator[bytes]) -> None:
        while (piece := await self._loop.run_in_executor(None, next, pieces, None)) is not None:
            if piece:
                self._transport.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                await self._writable.wait()
        self._transport.write(b"0\r\n\r\n")

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self._transport.abort()
            raise error
        if not self._transport.is_closing():
            self._advance()


def _is_small(reply: Reply) -> bool:
    return reply.misbehavior is None and isinstance(reply.body, bytes) and len(reply.body) <= _BIG
