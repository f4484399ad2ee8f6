"""Connects for API calls: name lookup, parallel address attempts and TLS share one timeout.

The standard library resolves the name, tries its addresses one after the other and performs the TLS
handshake in blocking, uninterruptible calls, each with the full timeout. Here, all of it waits in
short slices that check a single deadline and the stop event.
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
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, TypeVar

from urllib3.util import wait_for_read, wait_for_write

from backhaul.errors import InterruptedRunError
from backhaul.mailbox import answer

SLICE = 0.1
"""Seconds between checks of the stop event."""
_NEXT_ADDRESS = 0.25  # seconds before the next address is tried in parallel (RFC 8305)

T = TypeVar("T")
Address = tuple[socket.AddressFamily, tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimit:
    """The time limit for a connection, or for a call.

    Attributes:
        deadline: when it expires, by ``time.monotonic``.
        seconds: the total time allowed, for messages.
        stop: ends every wait when set; None if nothing does.
    """

    deadline: float
    seconds: float
    stop: threading.Event | None

    def slice(self, words: str) -> float:
        """Seconds to wait now.

        Raises:
            InterruptedRunError: `stop` is set.
            TimeoutError: the time is up; ``words`` describe the wait, and the seconds are appended.
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
    until: TimeLimit,
    *,
    options: Sequence[tuple[Any, ...]] = (),
    source: tuple[str, int] | None = None,
) -> socket.socket:
    """Connects to the first of the host's addresses that answers.

    Args:
        host: a name or an address.
        port: the TCP port.
        until: the time limit.
        options: arguments for ``setsockopt``, set before connecting.
        source: local address and port.

    Raises:
        InterruptedRunError, TimeoutError: see ``TimeLimit``.
        OSError: no address accepts the connection; socket.gaierror: the name cannot be resolved.
    """
    addresses = _look_up(host, port, until)
    return _race(addresses, until, lambda family: _prepared(family, options, source))


def _look_up(host: str, port: int, until: TimeLimit) -> list[Address]:
    with suppress(socket.gaierror):
        return _addresses(host, port, flags=socket.AI_NUMERICHOST)
    return awaited(
        lambda: _addresses(host, port), until, "could not resolve the host name", f"lookup {host}"
    )


def awaited(
    work: Callable[[], T],
    until: TimeLimit,
    words: str,
    name: str,
    *,
    discard: Callable[[T], object] = lambda _: None,
) -> T:
    """Waits for something that cannot be cancelled, in a thread that may be left running.

    Args:
        work: what to wait for; its result and its exceptions are passed on.
        until: the time limit.
        words: describe the wait, see ``TimeLimit.slice``.
        name: the thread's name.
        discard: called with a result that arrives after this call has given up.

    Raises:
        InterruptedRunError, TimeoutError: see ``TimeLimit``.
    """
    result: Future[T] = Future()
    threading.Thread(target=answer, args=(result, work), name=name, daemon=True).start()
    try:
        while not wait([result], until.slice(words)).done:
            pass
    except BaseException:
        result.add_done_callback(
            lambda late: None if late.exception() is not None else discard(late.result())
        )
        raise
    return result.result()


def _addresses(host: str, port: int, *, flags: int = 0) -> list[Address]:
    """The addresses with IPv4 and IPv6 alternating, starting with the preferred family."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    first = [one for one in addresses if one[0] is addresses[0][0]]
    second = [one for one in addresses if one[0] is not addresses[0][0]]
    in_turns = chain.from_iterable(zip_longest(first, second))
    return [address for address in in_turns if address is not None]


def _prepared(
    family: socket.AddressFamily, options: Sequence[tuple[Any, ...]], source: tuple[str, int] | None
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
    until: TimeLimit,
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
                pause = until.slice("could not connect to the host")
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
    """A TLS socket whose handshake observes the connection's time limit.

    ``until`` is set by the connecting thread for the connection it opens.
    """

    current = threading.local()

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - ssl's own signature
        """Perform the handshake in slices.

        Raises:
            InterruptedRunError, TimeoutError: see ``TimeLimit``.
            ssl.SSLError: the server or its certificate was rejected.
        """
        until: TimeLimit | None = getattr(self.current, "until", None)
        timeout = self.gettimeout()
        if until is None or timeout == 0:
            super().do_handshake(block)
            return
        self.settimeout(0)
        try:
            while not self._handshake_step(until):
                pass
        except InterruptedRunError:
            self.close()  # as ssl does for its own errors
            raise
        self.settimeout(timeout)

    def _handshake_step(self, until: TimeLimit) -> bool:
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            wait_for_read(self, timeout=until.slice("the TLS handshake did not complete"))
            return False
        except ssl.SSLWantWriteError:
            wait_for_write(self, timeout=until.slice("the TLS handshake did not complete"))
            return False
        return True
