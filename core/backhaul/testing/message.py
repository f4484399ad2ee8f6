"""HTTP requests and replies of the test server."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

from backhaul.testing.recorded import Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request; path and query exactly as sent."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehavior:
    """How sending a reply misbehaves.

    Attributes:
        cut_after: body bytes after which it stops, short of its Content-Length.
        reset: stop with a TCP reset instead of an orderly close.
        stall: seconds of silence before closing.
        bytes_per_second: speed of a slow reply.
        until_close: announce no length; the body ends with the connection.
    """

    cut_after: int | None = None
    reset: bool = False
    stall: float = 0.0
    bytes_per_second: float | None = None
    until_close: bool = False


@dataclass(slots=True, kw_only=True)
class Reply:
    """A reply; a body that is an iterator is sent chunked."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | Iterator[bytes] = b""
    misbehavior: Misbehavior | None = None
    clock: float = 0.0
    reason: str = ""

    @property
    def body_bytes(self) -> int:
        """Bytes of the body to send; 0 for a stream of unknown length."""
        if not isinstance(self.body, bytes):
            return 0
        if self.misbehavior is not None and self.misbehavior.cut_after is not None:
            return min(self.misbehavior.cut_after, len(self.body))
        return len(self.body)

    def head(self) -> bytes:
        """Status line and headers, including Date and the framing of the body."""
        reason = self.reason or _REASONS.get(self.status, "")
        lines = [f"HTTP/1.1 {self.status} {reason}", f"Date: {http_date(time.time() + self.clock)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not isinstance(self.body, bytes):
            lines.append("Transfer-Encoding: chunked")
        elif self.misbehavior is not None and self.misbehavior.until_close:
            lines.append("Connection: close")
        elif self.status not in _BODILESS:
            lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


_REASONS = {status.value: status.phrase for status in HTTPStatus}
_BODILESS = {204, 304}
_last_date = (0, "")


def http_date(moment: float) -> str:
    """The date in HTTP format; caches the last one, as every reply needs it."""
    global _last_date  # noqa: PLW0603 - a cache of one value, replaced atomically
    second, text = _last_date
    if second != int(moment):
        second, text = int(moment), formatdate(int(moment), usegmt=True)
        _last_date = (second, text)
    return text
