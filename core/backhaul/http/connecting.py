"""Opens a connection for an API call: lookup, addresses side by side and TLS, all within one time.

The standard library resolves the name, tries its addresses in turn and does the TLS handshake in
blocking calls that cannot be interrupted, each with the full timeout. Here all of it waits in short
slices, against one deadline and the stop event.
"""

import errno
import os
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from urllib3.util import wait_for_read, wait_for_write

from backhaul.errors import InterruptedRunError

SLICE = 0.1
"""Seconds after which a wait looks at the stop event again."""
_NEXT_ADDRESS = 0.25  # seconds until the next address is tried beside the others (RFC 8305)

Address = tuple[socket.AddressFamily, tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """How long a connection may take.

    Attributes:
        deadline: when it must be there, by ``time.monotonic``.
        seconds: the time that there was in all, for messages.
        stop: ends every wait when it is set; None: nothing does.
    """

    deadline: float
    seconds: float
    stop: threading.Event | None

    def slice(self, words: str) -> float:
        """Seconds to wait now.

        Raises:
            InterruptedRunError: `stop` is set.
            TimeoutError: the time is up; ``words`` say for what, and the seconds are added.
        """
        if self.stop is not None and self.stop.is_set():
            raise InterruptedRunError("interrupted")
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(errno.ETIMEDOUT, f"{words} within {self.seconds:g} s")
        return min(SLICE, left)


def connect(
    host: str,
    port: int,
    until: Until,
    *,
    options: Sequence[tuple[Any, ...]] = (),
    source: tuple[str, int] | None = None,
) -> socket.socket:
    """A connection to whichever of the host's addresses answers first.

    Args:
        host: a name or an address.
        port: of TCP.
        until: how long it may take.
        options: arguments of ``setsockopt``, set before it connects.
        source: address and port of this end.

    Raises:
        InterruptedRunError, TimeoutError: see ``Until``.
        OSError: no address takes the connection; socket.gaierror: the name has no address.
    """
    addresses = _look_up(host, port, until)
    return _race(addresses, until, lambda family: _prepared(family, options, source))


def _look_up(host: str, port: int, until: Until) -> list[Address]:
    with suppress(socket.gaierror):
        return _addresses(host, port, flags=socket.AI_NUMERICHOST)
    found: list[list[Address] | Exception] = []
    done = threading.Event()

    def ask() -> None:
        try:
            found.append(_addresses(host, port))
        except Exception as error:  # noqa: BLE001 - raised again by who waits for it
            found.append(error)
        done.set()

    # Nothing can end a lookup in the system's resolver: this thread may be left behind.
    threading.Thread(target=ask, name=f"lookup {host}", daemon=True).start()
    while not done.wait(until.slice("the host's name was not resolved")):
        pass
    (answer,) = found
    if isinstance(answer, Exception):
        raise answer
    return answer


def _addresses(host: str, port: int, *, flags: int = 0) -> list[Address]:
    """The addresses, those of the two families in turns, beginning with the preferred one."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    first = [one for one in addresses if one[0] is addresses[0][0]]
    second = [one for one in addresses if one[0] is not addresses[0][0]]
    in_turns = chain.from_iterable(zip_longest(first, second))
    return [address for address in in_turns if address is not None]


def _prepared(
    family: socket.AddressFamily,
    options: Sequence[tuple[Any, ...]],
    source: tuple[str, int] | None,
) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        for option in options:
            made.setsockopt(*option)
        if source is not None:
            made.bind(source)
    except OSError:
        made.close()
        raise
    return made


def _race(
    addresses: Sequence[Address],
    until: Until,
    make: Callable[[socket.AddressFamily], socket.socket],
) -> socket.socket:
    waiting = deque(addresses)
    error = OSError(errno.EADDRNOTAVAIL, "the host has no address")
    next_at = 0.0
    winner: socket.socket | None = None
    with selectors.DefaultSelector() as trying:
        try:
            while winner is None:
                now = time.monotonic()
                if waiting and (now >= next_at or not trying.get_map()):
                    try:
                        _begin(trying, make, *waiting.popleft())
                        next_at = now + _NEXT_ADDRESS
                    except OSError as failed:
                        error = failed
                    continue
                if not trying.get_map():
                    raise error
                pause = until.slice("no address of the host answered")
                for sock in _ready(trying, min(pause, next_at - now) if waiting else pause):
                    trying.unregister(sock)
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if not code:
                        winner = sock
                        break
                    sock.close()
                    error, next_at = OSError(code, os.strerror(code)), now
        finally:
            for key in list(trying.get_map().values()):
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()
    return winner


def _begin(
    trying: selectors.BaseSelector,
    make: Callable[[socket.AddressFamily], socket.socket],
    family: socket.AddressFamily,
    address: tuple[Any, ...],
) -> None:
    sock = make(family)
    try:
        with suppress(BlockingIOError):
            sock.connect(address)
        trying.register(sock, selectors.EVENT_WRITE)
    except OSError:
        sock.close()
        raise


def _ready(trying: selectors.BaseSelector, timeout: float) -> Iterator[socket.socket]:
    for key, _ in trying.select(timeout):
        if isinstance(key.fileobj, socket.socket):
            yield key.fileobj


class Handshaking(ssl.SSLSocket):
    """A TLS socket whose handshake keeps to the time of its connection.

    ``until`` is set by the thread that connects; it is the time of the connection it opens.
    """

    current = threading.local()

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - ssl's own signature
        """Shake hands, in slices.

        Raises:
            InterruptedRunError, TimeoutError: see ``Until``.
            ssl.SSLError: the server or its certificate is refused.
        """
        until: Until | None = getattr(self.current, "until", None)
        timeout = self.gettimeout()
        if until is None or timeout == 0:
            super().do_handshake(block)
            return
        self.settimeout(0)
        try:
            while not self._shaken(until):
                pass
        except InterruptedRunError:
            self.close()  # ssl does this for the errors that it knows
            raise
        self.settimeout(timeout)

    def _shaken(self, until: Until) -> bool:
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            wait_for_read(self, timeout=until.slice("the TLS handshake was not complete"))
            return False
        except ssl.SSLWantWriteError:
            wait_for_write(self, timeout=until.slice("the TLS handshake was not complete"))
            return False
        return True
