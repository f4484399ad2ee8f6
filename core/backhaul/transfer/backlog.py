"""What bounds the memory of a run: bytes that wait for the worker threads."""

from collections.abc import Callable

_FULL = 32 << 20  # bytes that may wait, of all files, before transfers pause


class Backlog:
    """Bytes that wait to be written and verified, of all files: what bounds the memory."""

    def __init__(self) -> None:
        self._waiting = 0
        self._paused: list[Callable[[], None]] = []

    @property
    def full(self) -> bool:
        """Whether transfers should pause until the workers have caught up."""
        return self._waiting > _FULL

    def pause(self, resume: Callable[[], None]) -> None:
        """Remembers how a transfer that pauses is resumed."""
        self._paused.append(resume)

    def add(self, size: int) -> None:
        """Bytes were handed to a worker."""
        self._waiting += size

    def done(self, size: int, *, broken: bool) -> None:
        """A worker is done with bytes; ``broken``: their file failed, and its transfer should learn it."""
        self._waiting -= size
        if self._paused and (broken or self._waiting < _FULL // 2):
            paused, self._paused = self._paused, []
            for resume in paused:
                resume()
