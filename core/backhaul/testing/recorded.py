"""The log of an emulator's requests and responses."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, overload


class Headers(dict[str, str]):
    """Headers by name; lookup is case-insensitive."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """The header's value, or the default."""
        return super().get(name.lower(), default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A request and its response.

    Attributes:
        port: ``api`` or ``storage``.
        method: GET, HEAD and so on.
        path: as sent, with percent-encoding.
        query: as sent, without the question mark.
        headers: the request's headers.
        status: the response's status.
        body_bytes: bytes of the response body to be sent, with faults applied.
        time: Unix seconds.
    """

    port: str
    method: str
    path: str
    query: str
    headers: Headers
    status: int
    body_bytes: int
    time: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Log(Sequence[Recorded]):
    """All requests so far, oldest first; can be read while the servers run."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._entries: list[Recorded] = []

    def add(self, entry: Recorded) -> None:
        """Append an entry."""
        with self._lock:
            self._entries.append(entry)
            self._lock.notify_all()

    def clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._entries.clear()

    def at(self, port: str) -> list[Recorded]:
        """Entries of one port, ``api`` or ``storage``."""
        return [entry for entry in self if entry.port == port]

    def wait(self, holds: Callable[[Sequence[Recorded]], bool], *, timeout: float = 30.0) -> bool:
        """Wait until the entries fulfil a condition, checked at each; False when time is up."""
        with self._lock:
            return self._lock.wait_for(lambda: holds(self._entries), timeout)

    def __iter__(self) -> Iterator[Recorded]:
        with self._lock:
            return iter(self._entries.copy())

    @overload
    def __getitem__(self, index: int) -> Recorded: ...
    @overload
    def __getitem__(self, index: slice) -> list[Recorded]: ...
    def __getitem__(self, index: int | slice) -> Recorded | list[Recorded]:
        with self._lock:
            return self._entries[index]

    def __len__(self) -> int:
        return len(self._entries)
