"""Worker threads that write, verify and call plugins."""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_NAP = 0.02  # seconds


class Workers(Executor):
    """Threads that take work in order; a plugin that hangs in one does not keep the run from ending.

    Args:
        number: number of threads.
        crashed: called on a thread with an error that a function has raised.
    """

    def __init__(self, number: int, crashed: Callable[[BaseException], object]) -> None:
        self._crashed = crashed
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._over = False
        self._with_plugins: set[threading.Thread] = set()
        self._threads = [
            threading.Thread(target=self._run, name=f"backhaul-verify-{each}", daemon=True)
            for each in range(number)
        ]
        self._started = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Calls a function on a thread. Raises RuntimeError after shutdown."""
        future: Future[T] = Future()
        with self._lock:
            if self._over:
                raise RuntimeError("the workers have been shut down")
            if self._started < len(self._threads):
                self._threads[self._started].start()
                self._started += 1
            self._work.put(partial(self._carry_out, future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as in Executor
        """Accepts no more calls; ``wait``: wait for pending ones, except those hanging in a plugin."""
        del cancel_futures
        with self._lock:
            self._over = True
            threads = self._threads[: self._started]
        for _ in threads:
            self._work.put(None)
        while wait and any(each.is_alive() for each in threads):
            for each in threads:
                each.join(_NAP)
            if all(each in self._with_plugins for each in threads if each.is_alive()):
                return

    @contextmanager
    def with_plugin(self) -> Iterator[None]:
        """Marks that a thread is executing plugin code."""
        thread = threading.current_thread()
        self._with_plugins.add(thread)
        try:
            yield
        finally:
            self._with_plugins.discard(thread)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def _carry_out(self, future: Future[T], function: Callable[[], T]) -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - as in concurrent.futures
            future.set_exception(error)
            self._crashed(error)  # nobody may be waiting for the future
