"""Bytes that come in pieces, for a parser that is a generator and yields None when it needs more."""

from collections.abc import Generator


class Buffered:
    """What has come and was not taken yet.

    Attributes:
        position: bytes taken so far.
    """

    __slots__ = ("_data", "_place", "position")

    def __init__(self) -> None:
        self._data = b""
        self._place = 0
        self.position = 0

    @property
    def left(self) -> int:
        """Bytes that were not taken yet."""
        return len(self._data) - self._place

    def add(self, data: bytes) -> None:
        """Takes the next piece."""
        self._data = self._data[self._place :] + data if self.left else data
        self._place = 0

    def peek(self, size: int) -> Generator[None, None, bytes]:
        """Waits for so many bytes and gives them, but does not take them."""
        while self.left < size:
            yield None
        return self._data[self._place : self._place + size]

    def take(self, size: int) -> Generator[None, None, bytes]:
        """Waits for so many bytes and takes them."""
        found = yield from self.peek(size)
        self._forward(size)
        return found

    def some(self, most: int) -> Generator[None, None, bytes]:
        """Waits for at least one byte and takes what is there, ``most`` bytes at most."""
        while not self.left:
            yield None
        found = self._data[self._place : self._place + most]
        self._forward(len(found))
        return found

    def skip(self, size: int) -> Generator[None, None, None]:
        """Waits for so many bytes and forgets them, as they come."""
        while size:
            while not self.left:
                yield None
            step = min(size, self.left)
            self._forward(step)
            size -= step

    def give_back(self, size: int) -> None:
        """Undoes the taking of the last bytes."""
        self._forward(-size)

    def _forward(self, size: int) -> None:
        self._place += size
        self.position += size
