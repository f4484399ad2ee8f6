"""Limits the number of concurrent requests to a store."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_FIRST: Final = 8.0
MOST: Final = 64
_BYTES: Final = 64 << 20  # of bodies in memory at once
_CALM: Final = 1.0  # seconds between two reductions: one overload affects many requests at once
_SLOW: Final = 3.0  # times the best duration: more concurrent requests would only queue


class Gate:
    """Admits requests: more while responses are prompt, half as many when the store throttles.

    Limits the bodies in memory too. Used by a single event loop.
    """

    def __init__(self) -> None:
        self._limit = _FIRST
        self._running = 0
        self._bytes = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._reduced = 0.0
        self._best = self._mean = 0.0
        self._threshold = float(
            MOST
        )  # below it, one more for each response; above it, for a round of them

    @property
    def limit(self) -> int:
        """How many requests may run at once."""
        return int(self._limit)

    @asynccontextmanager
    async def admit(self, size: int = 0) -> AsyncIterator[None]:
        """Waits until a request may start; ``size`` is the number of bytes that it keeps in memory."""
        if self._waiting or not self._fits(size):
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append((waiter, size))
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._leave(size)
                raise
        else:
            self._enter(size)
        try:
            yield
        finally:
            self._leave(size)

    def succeeded(self, seconds: float) -> None:
        """A response arrived after this time."""
        self._mean = 0.9 * self._mean + 0.1 * seconds if self._mean else seconds
        self._best = min(self._best or self._mean, self._mean)
        if max(self._mean, seconds) <= _SLOW * self._best:
            step = 1.0 if self._limit < self._threshold else 1 / self._limit
            self._limit = min(float(MOST), self._limit + step)
            self._admit()

    def throttled(self) -> None:
        """The store asked for fewer requests."""
        now = time.monotonic()
        if now - self._reduced >= _CALM:
            self._reduced = now
            self._limit = self._threshold = max(1.0, self._limit / 2)

    def _fits(self, size: int) -> bool:
        if not self._running:
            return True
        return self._running < int(self._limit) and self._bytes + size <= _BYTES

    def _enter(self, size: int) -> None:
        self._running += 1
        self._bytes += size

    def _leave(self, size: int) -> None:
        self._running -= 1
        self._bytes -= size
        self._admit()

    def _admit(self) -> None:
        while self._waiting:
            waiter, next_size = self._waiting[0]
            if waiter.done():  # cancelled
                self._waiting.popleft()
                continue
            if not self._fits(next_size):
                return
            self._waiting.popleft()
            self._enter(next_size)
            waiter.set_result(None)
