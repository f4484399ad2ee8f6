"""Reads several lists of an archive at once, and gives their entries in the order of the lists.

An archive with an index a day answers each in a tenth of a second: ten years of them, one after another, would take six
minutes in every run.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from queue import Full, Queue
from threading import BoundedSemaphore, Event, Thread
from typing import Final, Generic, TypeVar

Place = TypeVar("Place")
Found = TypeVar("Found")

AT_ONCE: Final = 8
"""Lists of one job that are read at the same time."""

_THREADS: Final = BoundedSemaphore(2 * AT_ONCE)
"""Those of all jobs: each has a connection and a temporary file."""

_BATCH: Final = 100
_BATCHES: Final = 10  # that wait for their turn; a list that has more pauses
_LOOK: Final = 0.2  # seconds until a paused list notices that nobody waits for it


def in_order(
    places: Iterable[Place], read: Callable[[Place], Iterator[Found]]
) -> Generator[tuple[Place, Iterator[Found]], None, None]:
    """Each place with its entries, which must be taken before the next place.

    The first list is read alone: whatever is wrong with the address or the credentials is wrong once.

    Args:
        places: where the lists are.
        read: reads one, in another thread; what it raises is raised by the entries.
    """
    rest = iter(places)
    for place in islice(rest, 1):
        yield place, read(place)
    ahead: deque[_List[Place, Found]] = deque()
    over = Event()
    try:
        while True:
            for place in islice(rest, AT_ONCE - len(ahead)):
                ahead.append(_List(place, read, over))
            if not ahead:
                return
            first = ahead.popleft()
            yield first.place, first.entries()
    finally:
        over.set()


class _List(Generic[Place, Found]):
    """One list: read by a thread of its own, or in its turn if there are enough of them."""

    def __init__(self, place: Place, read: Callable[[Place], Iterator[Found]], over: Event) -> None:
        self.place = place
        self._read = read
        self._over = over
        self._batches: Queue[list[Found] | BaseException | None] = Queue(_BATCHES)
        self._has_thread = _THREADS.acquire(blocking=False)
        if self._has_thread:
            try:
                Thread(target=self._run, name="backhaul-list", daemon=True).start()
            except RuntimeError:  # no more threads
                self._has_thread = False
                _THREADS.release()

    def entries(self) -> Iterator[Found]:
        """The entries, as they arrive."""
        if not self._has_thread:
            yield from self._read(self.place)
            return
        while (batch := self._batches.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield from batch

    def _run(self) -> None:
        try:
            self._put(self._read_whole())
        finally:
            _THREADS.release()

    def _read_whole(self) -> BaseException | None:
        """Reads the list; returns what it raised."""
        batch: list[Found] = []
        end = None
        try:
            for entry in self._read(self.place):
                batch.append(entry)
                if len(batch) == _BATCH:
                    if not self._put(batch):
                        return None
                    batch = []
        except BaseException as error:  # noqa: BLE001 - raised where the entries are taken
            end = error
        self._put(batch)
        return end

    def _put(self, batch: list[Found] | BaseException | None) -> bool:
        """Waits until there is room; False if the entries are no longer wanted."""
        while not self._over.is_set():
            try:
                self._batches.put(batch, timeout=_LOOK)
            except Full:
                continue
            return True
        return False
