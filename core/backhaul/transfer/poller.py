"""Which sockets libcurl waits for: epoll, with as few system calls as it takes."""

import select
import selectors
import sys
from contextlib import suppress

READ = 1
WRITE = 2


class SelectorPoller:
    """The same on any system, by the standard library's selectors."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, fd: int, mask: int) -> None:
        """Waits for these events of a socket from now on."""
        events = (selectors.EVENT_READ if mask & READ else 0) | (
            selectors.EVENT_WRITE if mask & WRITE else 0
        )
        try:
            self._selector.modify(fd, events)
        except KeyError:
            self._selector.register(fd, events)

    def leave(self, fd: int) -> None:
        """Waits for it no more."""
        with suppress(KeyError, ValueError, OSError):  # closed already
            self._selector.unregister(fd)

    def wait(self, timeout: float) -> list[tuple[int, int]]:
        """(socket, events) that are ready, after at most so many seconds."""
        return [
            (
                key.fd,
                (READ if events & selectors.EVENT_READ else 0)
                | (WRITE if events & selectors.EVENT_WRITE else 0),
            )
            for key, events in self._selector.select(timeout)
        ]

    def close(self) -> None:
        """Lets go."""
        self._selector.close()


if sys.platform == "linux":
    _IN = select.EPOLLIN
    _OUT = select.EPOLLOUT
    _EVENTS = {READ: _IN, WRITE: _OUT, READ | WRITE: _IN | _OUT}

    class EpollPoller:
        """Linux. A socket that is left stays registered: most come back with the next transfer.

        The kernel forgets closed sockets by itself, so a number that comes back may be unknown to
        it; ``modify`` says so, and costs one call for what is usually one call.
        """

        def __init__(self) -> None:
            self._epoll = select.epoll()
            self._active: set[int] = set()

        def watch(self, fd: int, mask: int) -> None:
            """Waits for these events of a socket from now on."""
            self._active.add(fd)
            try:
                self._epoll.modify(fd, _EVENTS[mask])
            except FileNotFoundError:
                self._epoll.register(fd, _EVENTS[mask])

        def leave(self, fd: int) -> None:
            """Waits for it no more."""
            self._active.discard(fd)

        def wait(self, timeout: float) -> list[tuple[int, int]]:
            """(socket, events) that are ready, after at most so many seconds."""
            ready = []
            for fd, events in self._epoll.poll(timeout):
                if fd in self._active:
                    mask = READ if events & ~_OUT else 0
                    ready.append((fd, mask | (WRITE if events & _OUT else 0)))
                else:  # an idle connection that the server closed
                    with suppress(OSError):
                        self._epoll.unregister(fd)
            return ready

        def close(self) -> None:
            """Lets go."""
            self._epoll.close()

    Poller = EpollPoller
else:
    Poller = SelectorPoller
