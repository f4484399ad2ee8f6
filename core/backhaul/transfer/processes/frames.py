"""Messages between the driver's process and its workers: pickled values with their length."""

import pickle
import struct
from collections.abc import Iterator
from typing import Any, Final

_LENGTH: Final = struct.Struct("!I")


def frame(message: tuple[Any, ...]) -> bytes:
    """A message as bytes. Raises what pickle raises for values that cannot be sent."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


class Frames:
    """Splits received bytes into messages; an incomplete last one is dropped."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Any, ...]]:
        """Adds received bytes; yields the messages that are now complete."""
        buffer = self._data
        buffer += data
        while len(buffer) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(buffer)[0]
            if len(buffer) < end:
                return
            body = bytes(buffer[_LENGTH.size : end])
            del buffer[:end]
            yield pickle.loads(body)  # noqa: S301 - from one of our own processes, over a private socket
