"""Socket polling for libcurl: epoll with few system calls."""

import select
import selectors
import sys
from contextlib import suppress

READ = 1
WRITE = 2


class SelectorPoller:
    """The portable version, based on the standard library's selectors."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, fd: int, mask: int) -> None:
        """Starts to wait for events of a socket."""
        events = (selectors.EVENT_READ if mask & READ else 0) | (
            selectors.EVENT_WRITE if mask & WRITE else 0
        )
        try:
            self._selector.modify(fd, events)
        except KeyError:
            self._selector.register(fd, events)

    def leave(self, fd: int) -> None:
        """Stops waiting for it."""
        with suppress(KeyError, ValueError, OSError):  # already closed
            self._selector.unregister(fd)

    def wait(self, timeout: float) -> list[tuple[int, int]]:
        """Ready (socket, events) pairs, after at most ``timeout`` seconds."""
        return [
            (
                key.fd,
                (READ if events & selectors.EVENT_READ else 0)
                | (WRITE if events & selectors.EVENT_WRITE else 0),
            )
            for key, events in self._selector.select(timeout)
        ]

    def close(self) -> None:
        """Closes the selector."""
        self._selector.close()


if sys.platform == "linux":
    _IN = select.EPOLLIN
    _OUT = select.EPOLLOUT
    _EVENTS = {READ: _IN, WRITE: _OUT, READ | WRITE: _IN | _OUT}

    class EpollPoller:
        """The Linux version. Unwatched sockets stay registered: most are used again soon.

        The kernel forgets closed sockets, so a reused number may be unknown to it; ``modify`` then fails
        and a second call is needed.
        """

        def __init__(self) -> None:
            self._epoll = select.epoll()
            self._active: set[int] = set()

        def watch(self, fd: int, mask: int) -> None:
            """Starts to wait for events of a socket."""
            self._active.add(fd)
            try:
                self._epoll.modify(fd, _EVENTS[mask])
            except FileNotFoundError:
                self._epoll.register(fd, _EVENTS[mask])

        def leave(self, fd: int) -> None:
            """Stops waiting for it."""
            self._active.discard(fd)

        def wait(self, timeout: float) -> list[tuple[int, int]]:
            """Ready (socket, events) pairs, after at most ``timeout`` seconds."""
            ready = []
            for fd, events in self._epoll.poll(timeout):
                if fd in self._active:
                    mask = READ if events & ~_OUT else 0
                    ready.append((fd, mask | (WRITE if events & _OUT else 0)))
                else:  # an idle connection closed by the server
                    with suppress(OSError):
                        self._epoll.unregister(fd)
            return ready

        def close(self) -> None:
            """Closes the epoll object."""
            self._epoll.close()

    Poller = EpollPoller
else:
    Poller = SelectorPoller
