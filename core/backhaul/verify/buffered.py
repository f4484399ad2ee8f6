"""An input buffer for parsers written as generators, which yield None when they need more data."""

from collections.abc import Generator


class Buffered:
    """Input that has been received but not consumed.

    Attributes:
        position: bytes consumed so far.
    """

    __slots__ = ("_data", "_place", "position")

    def __init__(self) -> None:
        self._data = b""
        self._place = 0
        self.position = 0

    @property
    def left(self) -> int:
        """Bytes not consumed yet."""
        return len(self._data) - self._place

    def add(self, data: bytes) -> None:
        """Appends a chunk."""
        self._data = self._data[self._place :] + data if self.left else data
        self._place = 0

    def peek(self, size: int) -> Generator[None, None, bytes]:
        """Waits for ``size`` bytes and returns them without consuming them."""
        while self.left < size:
            yield None
        return self._data[self._place : self._place + size]

    def take(self, size: int) -> Generator[None, None, bytes]:
        """Waits for ``size`` bytes and consumes them."""
        found = yield from self.peek(size)
        self._forward(size)
        return found

    def some(self, most: int) -> Generator[None, None, bytes]:
        """Waits for at least one byte and consumes what is available, up to ``most`` bytes."""
        while not self.left:
            yield None
        found = self._data[self._place : self._place + most]
        self._forward(len(found))
        return found

    def skip(self, size: int) -> Generator[None, None, None]:
        """Discards the next ``size`` bytes as they arrive."""
        while size:
            while not self.left:
                yield None
            step = min(size, self.left)
            self._forward(step)
            size -= step

    def give_back(self, size: int) -> None:
        """Returns the last ``size`` consumed bytes to the buffer."""
        self._forward(-size)

    def _forward(self, size: int) -> None:
        self._place += size
        self.position += size
