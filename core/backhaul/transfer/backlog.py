"""Limits the memory used by data that waits for the worker threads."""

from collections import deque
from collections.abc import Callable

_FULL = 32 << 20  # bytes waiting, over all files, before transfers pause


class Backlog:
    """Bytes of all files waiting to be written and verified."""

    def __init__(self) -> None:
        self._waiting = 0
        self._paused: deque[tuple[Callable[[], None], object]] = deque()

    @property
    def full(self) -> bool:
        """Whether transfers should pause until the workers have caught up."""
        return self._waiting > _FULL

    def pause(self, resume: Callable[[], None], file: object) -> None:
        """Registers how to resume a paused transfer, and of which file."""
        self._paused.append((resume, file))

    def add(self, size: int) -> None:
        """Bytes were passed to a worker."""
        self._waiting += size

    def done(self, size: int, *, broken: object = None) -> None:
        """A worker has processed bytes; ``broken``: a failed file, whose transfers should notice.

        Others resume once there is enough room, longest paused first.
        """
        self._waiting -= size
        if self._waiting < _FULL // 2:
            for _ in range(len(self._paused)):
                if self.full:
                    break
                self._paused.popleft()[0]()
        if broken is not None:
            for paused in [each for each in self._paused if each[1] is broken]:
                self._paused.remove(paused)
                paused[0]()
