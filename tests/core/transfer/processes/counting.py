"""A server that counts simultaneous requests, and requests and bytes over time."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self


def rate_of(times: Sequence[float], expected: float, *, saved: float = 0.0) -> float:
    """Requests per second, from arrivals; how late a busy machine notices some of them does not matter.

    ``saved``: seconds of requests that may follow at once on a time in which fewer were possible.

    Compares the earliest requests of the first third with those of the last: if k requests are made at a
    rate r, number k is made at k / r, and arrives then or later.
    """
    third = len(times) // 3
    ahead = [at - number / expected for number, at in enumerate(sorted(times))]
    slower = min(ahead[-third:]) - min(ahead[:third])
    requests = len(times) - third
    return requests / (requests / expected + slower + saved)


class CountingServer:
    """Answers each path with ``body(path)``, some time after the request.

    Attributes:
        most: the largest number of simultaneous requests.
        times: arrival time of each request (monotonic).
        sent: total bytes sent.
        last: when the last byte was sent.
        answers: statuses by path, each used once; 200 otherwise.
        holds: no request is answered while this is true.
    """

    def __init__(self, body: Callable[[str], bytes], *, delay: float = 0.0) -> None:
        self._body = body
        self._delay = delay
        self.active = self.most = self.sent = 0
        self.last = 0.0
        self.times: list[float] = []
        self._at_a_time: list[tuple[float, int]] = []
        self.refuse: Callable[[str], str | None] = lambda _: None
        self.holds: Callable[[], bool] = lambda: False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def most_since(self, start: float) -> int:
        """The largest number of requests at a time after some moment."""
        return max((number for at, number in self._at_a_time if at >= start), default=0)

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
        self._at_a_time.append((self.times[-1], self.active))
        try:
            await asyncio.sleep(self._delay)
            while self.holds():  # noqa: ASYNC110 - the condition is the test's
                await asyncio.sleep(0.005)
            refused = self.refuse(path)
            body = b"" if refused else self._body(path)
            status = refused or "200 OK"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            for start in range(0, len(body), 1 << 15):
                writer.write(body[start : start + (1 << 15)])
                self.sent += min(1 << 15, len(body) - start)
                await writer.drain()
            self.last = time.monotonic()
        finally:
            self.active -= 1
