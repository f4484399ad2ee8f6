"""Requests to a store: retried with backoff, limited in time, and stopped immediately."""

import asyncio
import concurrent.futures
import errno
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from threading import Lock, Thread
from typing import Any, Final, TypeVar

from backhaul.backoff import delay
from backhaul.errors import BackhaulError
from backhaul.oserrors import StoppedError
from backhaul.storage.stores.failures import Classified, ConflictError, Meaning, as_error, judge
from backhaul.storage.stores.gate import Gate
from backhaul.wording import count

log = logging.getLogger(__name__)
T = TypeVar("T")
PATIENCE: Final = 60.0  # seconds from the first failure of a request to its last attempt
_CAP: Final = 10.0  # seconds between two attempts
_QUIET: Final = 3.0  # seconds that a store may fail without a message
_GRACE: Final = 1.0  # seconds for active requests after a stop
_LATE: Final = 0.25  # seconds for requests that begin after that
_STALL: Final = 30.0  # seconds without a response, plus the time for the bytes at the slowest rate
_SLOWEST: Final = 128 << 10  # bytes per second


class Calls:
    """Runs requests on an event loop in its own thread. Its public methods are thread-safe.

    Cancelling a request of obstore closes its connection, so no thread waits for a store that hangs.

    Args:
        patience: seconds to retry a request after transient errors. Once a request has used them up,
            those that wait for their turn fail too, and others are tried only once, until one succeeds.
    """

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self.gate = Gate()
        self._patience = patience
        self._down = self._told = False
        self._gave_up: tuple[float, Classified] | None = None  # when, and why
        self._stopped: float | None = None
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._later: set[asyncio.Task[None]] = set()
        self._running: set[concurrent.futures.Future[Any]] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine and waits for it.

        Raises:
            StoppedError: ``stop`` was called, and the time that it allows has passed.
            Exception: its own.
        """
        return self.wait(self.start(work))

    def wait(self, future: "concurrent.futures.Future[T]") -> T:
        """Waits for what was started, as ``run`` does; cancels it if it cannot wait to the end."""
        with self._lock:
            self._running.add(future)
        since = time.monotonic()
        try:
            while True:
                left = self._left(since)
                if left is not None and left <= 0:
                    raise StoppedError
                try:
                    return future.result(0.1 if left is None else min(left, 0.1))
                except concurrent.futures.TimeoutError:
                    if future.done():
                        raise
        finally:
            future.cancel()
            with self._lock:
                self._running.discard(future)

    def start(self, work: Coroutine[Any, Any, T]) -> "concurrent.futures.Future[T]":
        """Runs a coroutine in the background; cancelled by ``close``."""
        return asyncio.run_coroutine_threadsafe(work, self._started())

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Like ``start``, on the loop's own thread."""
        task = asyncio.get_running_loop().create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _left(self, since: float) -> float | None:
        """Seconds left for a request; None: no limit."""
        if self._stopped is None:
            return None
        return max(self._stopped + _GRACE, since + _LATE) - time.monotonic()

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopped is not None

    def stop(self) -> None:
        """Stops all requests within a second; later ones within a quarter of a second."""
        self._stopped = time.monotonic()

    def close(self) -> None:
        """Cancels active requests and ends the thread."""
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
        """Makes a request, and repeats it after transient errors.

        Args:
            where: the object's or the archive's URL, for messages.
            make: starts the request.
            size: bytes that it keeps in memory.
            sends: bytes that it sends; None: the same.
            patience: seconds to retry; None: as given to the constructor.

        Raises:
            FileNotFoundError: there is no such object.
            ConflictError: a condition failed.
            StoreError: any other error, or a transient one that has lasted too long.
            BackhaulError: raised by ``make``; not retried.
        """
        asked = time.monotonic()
        async with self.gate.admit(size):
            if self._gave_up is not None and self._gave_up[0] > asked:
                raise as_error(self._gave_up[1], where)
            patience = self._patience if patience is None else patience
            limit = min(_STALL, patience) + (size if sends is None else sends) / _SLOWEST
            return await self._patiently(where, make, limit, patience)

    async def once(self, work: Callable[[], Sequence[float]], *, size: int, sends: int) -> bool:
        """Makes some requests one after the other in a thread, without retries.

        This costs half as much as on an event loop. If it takes too long, the thread is abandoned.

        Args:
            work: makes the requests; returns the seconds that each answered one took.
            size: bytes that it keeps in memory.
            sends: bytes that it sends.

        Returns whether ``work`` ended in time.
        """
        async with self.gate.admit(size):
            if self._down:
                return False
            try:
                async with asyncio.timeout(min(_STALL, self._patience) + sends / _SLOWEST):
                    took = await in_thread(work)
            except TimeoutError:
                return False
            for seconds in took:
                self.gate.succeeded(seconds)
            return True

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
                raise  # the latter: backhaul's own, such as ConfigError, which is not transient
            except Exception as error:  # noqa: BLE001 - three libraries, without a common base class
                judged = judge(error)
            else:
                self._down = self._told = False
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
            self._tell(where, judged, now - first, patience)
            if self._down or now + wait - first > patience:
                self._down = True
                self._gave_up = now, judged
                tried = "" if attempt == 1 else f"; gave up after {count(attempt, 'attempt')}"
                raise as_error(judged, where, after=tried)
            await asyncio.sleep(wait)

    def _tell(self, where: str, judged: Classified, since: float, patience: float) -> None:
        """Reports once that the store keeps failing."""
        if not self._told and not self._down and _QUIET < since < patience:
            self._told = True
            text = as_error(judged, where).message
            log.warning("%s; retrying for up to %.0f seconds", text, patience - since)


def _final(judged: Classified, where: str) -> Exception:
    if judged.meaning is Meaning.ABSENT:
        return FileNotFoundError(errno.ENOENT, f"{where} does not exist")
    if judged.meaning is Meaning.TAKEN:
        return ConflictError(where)
    return as_error(judged, where)


async def in_thread(work: Callable[[], T]) -> T:
    """Runs blocking code in a thread that a stop abandons, and that does not delay the exit."""
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
        with suppress(RuntimeError):  # the loop was closed: nothing waits for it any more
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
