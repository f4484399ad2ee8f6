"""Requests to a store: retried with backoff, bounded in time, and ended at once by a stop."""

import asyncio
import concurrent.futures
import errno
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from threading import Lock, Thread
from typing import Any, Final, TypeVar

from backhaul.backoff import delay
from backhaul.errors import BackhaulError
from backhaul.storage.stores.failures import ConflictError, Judged, Meaning, as_error, judge
from backhaul.storage.stores.gate import Gate
from backhaul.wording import count

T = TypeVar("T")
PATIENCE: Final = 60.0  # seconds from the first failure of a request to its last attempt
_CAP: Final = 10.0  # seconds between two attempts
_GRACE: Final = 1.0  # seconds that a request has after a stop
_STALL: Final = 30.0  # seconds without an answer, plus the time for the bytes at the slowest rate
_SLOWEST: Final = 128 << 10  # bytes a second


class Calls:
    """Runs requests on an event loop in a thread of its own. Its public methods are thread-safe.

    Cancelling a request of obstore closes its connection, so no thread waits for a store that hangs.

    Args:
        patience: seconds to retry a request that fails for a reason that may pass. Once a request has
            run out of it, others are tried once only, until one succeeds.
    """

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self.gate = Gate()
        self._patience = patience
        self._down = False
        self._stopped: float | None = None
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._later: set[asyncio.Task[None]] = set()
        self._running: set[concurrent.futures.Future[Any]] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine and waits for it.

        Raises:
            InterruptedError: ``stop`` was called, and a second has passed since.
            Exception: its own.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._started())
        with self._lock:
            self._running.add(future)
        since = time.monotonic()
        try:
            while True:
                left = self._left(since)
                if left is not None and left <= 0:
                    raise InterruptedError(errno.EINTR, "stopped before the store answered")
                try:
                    return future.result(0.1 if left is None else min(left, 0.1))
                except concurrent.futures.TimeoutError:
                    if future.done():
                        raise
        finally:
            future.cancel()
            with self._lock:
                self._running.discard(future)

    def start(self, work: Coroutine[Any, Any, None]) -> "concurrent.futures.Future[None]":
        """Runs a coroutine in the background; cancelled by ``close``."""
        return asyncio.run_coroutine_threadsafe(work, self._started())

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Like ``start``, on the loop's own thread."""
        task = asyncio.get_running_loop().create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _left(self, since: float) -> float | None:
        """Seconds that a request still has; None: any number."""
        if self._stopped is None:
            return None
        return max(self._stopped, since) + _GRACE - time.monotonic()

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopped is not None

    def stop(self) -> None:
        """Ends all requests within a second; later ones have one second each."""
        self._stopped = time.monotonic()

    def close(self) -> None:
        """Cancels what still runs and ends the thread."""
        with self._lock:
            loop, self._loop = self._loop, None
            running = list(self._running)
        for each in running:
            each.cancel()
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                Thread(target=_run, args=(self._loop,), name="store", daemon=True).start()
            return self._loop

    async def ask(
        self,
        where: str,
        make: Callable[[], Awaitable[T]],
        *,
        size: int = 0,
        sends: int | None = None,
        patience: float | None = None,
    ) -> T:
        """Makes a request, again after errors that may pass.

        Args:
            where: the object's or the archive's URL, for messages.
            make: starts the request.
            size: bytes that it keeps in memory.
            sends: bytes that it sends; None: the same.
            patience: seconds to retry; None: as given to the constructor.

        Raises:
            FileNotFoundError: there is no such object.
            ConflictError: a condition failed.
            StoreError: anything else, also errors that have lasted too long.
            BackhaulError: of ``make``, at once.
        """
        async with self.gate.admit(size):
            patience = self._patience if patience is None else patience
            limit = min(_STALL, patience) + (size if sends is None else sends) / _SLOWEST
            return await self._patiently(where, make, limit, patience)

    async def _patiently(
        self, where: str, make: Callable[[], Awaitable[T]], limit: float, patience: float
    ) -> T:
        first: float | None = None
        attempt = 0
        while True:
            began = time.monotonic()
            try:
                async with asyncio.timeout(limit):
                    found = await make()
            except (asyncio.CancelledError, BackhaulError):
                raise  # the latter: of backhaul itself, such as ConfigError, which does not pass
            except Exception as error:  # noqa: BLE001 - three libraries, without a common base
                judged = judge(error)
            else:
                self._down = False
                self.gate.succeeded(time.monotonic() - began)
                return found
            if judged.meaning is Meaning.THROTTLED:
                self.gate.throttled()
            elif judged.meaning is not Meaning.TRANSIENT:
                self._down = False
                raise _final(judged, where)
            now = time.monotonic()
            first = began if first is None else first
            wait = delay(attempt, base=0.2, cap=_CAP)
            attempt += 1
            if self._down or now + wait - first > patience:
                self._down = True
                tried = "" if attempt == 1 else f"; gave up after {count(attempt, 'attempt')}"
                raise as_error(judged, where, after=tried)
            await asyncio.sleep(wait)


def _final(judged: Judged, where: str) -> Exception:
    if judged.meaning is Meaning.ABSENT:
        return FileNotFoundError(errno.ENOENT, f"{where} does not exist")
    if judged.meaning is Meaning.TAKEN:
        return ConflictError(where)
    return as_error(judged, where)


async def in_thread(work: Callable[[], T]) -> T:
    """Runs blocking code in a thread that a stop leaves behind, and that does not delay the exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        if not future.done():
            settle()

    def run() -> None:
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            settle = partial(future.set_exception, error)
        else:
            settle = partial(future.set_result, found)
        with suppress(RuntimeError):  # the loop was closed: nothing waits any more
            loop.call_soon_threadsafe(tell, settle)

    Thread(target=run, name="store-upload", daemon=True).start()
    return await future


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    finally:
        loop.close()
