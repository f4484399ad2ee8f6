"""Stored objects; their bytes may be generated on demand."""

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from backhaul.testing.misbehave import altered

_KEPT_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """An object: its bytes or a function that generates them, and its headers."""

    data: bytes | Callable[[], bytes] = field(repr=False)
    content_type: str = "binary/octet-stream"
    content_encoding: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    last_modified: datetime = datetime(2016, 1, 1, tzinfo=UTC)


class Body(NamedTuple):
    """Bytes with their strong validator."""

    data: bytes
    etag: str


class Bodies:
    """Caches up to 32 MB of recently requested bytes by key; tracks changed objects."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Body] = OrderedDict()
        self._size = 0
        self._versions: Counter[str] = Counter()

    def get(self, key: str, stored: Stored) -> Body:
        """The object's current bytes."""
        with self._lock:
            body = self._kept.get(key)
        if body is not None:
            return body
        data = altered(
            stored.data if isinstance(stored.data, bytes) else stored.data(), self._versions[key]
        )
        body = Body(data, f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"')
        with self._lock:
            self._kept[key] = body
            self._size += len(data)
            while self._size > _KEPT_BYTES:
                self._size -= len(self._kept.popitem(last=False)[1].data)
        return body

    def change(self, key: str) -> None:
        """Replaces it with a different object."""
        self._versions[key] += 1
        self.forget(key)

    def forget(self, key: str) -> None:
        """Make the bytes again at the next request."""
        with self._lock:
            body = self._kept.pop(key, None)
            self._size -= len(body.data) if body else 0
