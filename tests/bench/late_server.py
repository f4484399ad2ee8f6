"""A server that delays the first byte of each response: ``python late_server.py FILE SECONDS HANDSHAKE``.

The first response of a connection is ``HANDSHAKE`` seconds later still, as after those of TCP and TLS. Plain asyncio, HTTP/1.1 with keep-alive; every path returns the same file. Prints its port.
"""

import asyncio
import sys
from pathlib import Path

_END = b"\r\n\r\n"


class Late(asyncio.Protocol):
    """Serve one connection."""

    def __init__(self, answer: bytes, delay: float, handshake: float) -> None:
        self._answer = answer
        self._delay = delay
        self._handshake = handshake
        self._seen = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while _END in self._seen:
            self._seen = self._seen.partition(_END)[2]
            asyncio.get_running_loop().call_later(self._delay + self._handshake, self._reply)
            self._handshake = 0.0

    def _reply(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._answer)


async def _main(body: bytes, *delays: float) -> None:
    head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nETag: "one"\r\nContent-Type: application/gzip'
    answer = head.encode() + _END + body
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Late(answer, *delays), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]).read_bytes(), *map(float, sys.argv[2:])))
