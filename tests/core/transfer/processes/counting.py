"""A server that counts: requests at a time, requests and bytes by time."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self


class CountingServer:
    """Answers each path with ``body(path)``, some time after the request.

    Attributes:
        most: the largest number of requests at a time.
        times: when each request came (monotonic).
        sent: total bytes sent.
        answers: statuses by path, given once each; 200 for all others.
    """

    def __init__(self, body: Callable[[str], bytes], *, delay: float = 0.0) -> None:
        self._body = body
        self._delay = delay
        self.active = self.most = self.sent = 0
        self.times: list[float] = []
        self.refuse: Callable[[str], str | None] = lambda _: None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    await self._answer(head.split()[1].decode(), writer)
        finally:
            writer.close()

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        self.times.append(time.monotonic())
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            await asyncio.sleep(self._delay)
            refused = self.refuse(path)
            body = b"" if refused else self._body(path)
            status = refused or "200 OK"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            for start in range(0, len(body), 1 << 15):
                writer.write(body[start : start + (1 << 15)])
                self.sent += min(1 << 15, len(body) - start)
                await writer.drain()
        finally:
            self.active -= 1
