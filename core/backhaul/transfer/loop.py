"""libcurl's multi interface on one epoll (or kqueue) loop, and a door for other threads."""

import os
import selectors
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import pycurl

_READ = selectors.EVENT_READ
_WRITE = selectors.EVENT_WRITE
_MASKS = {
    pycurl.POLL_IN: _READ,
    pycurl.POLL_OUT: _WRITE,
    pycurl.POLL_INOUT: _READ | _WRITE,
}


class Loop:
    """Drives transfers; ``post`` may be called from any thread, all else from the owner's."""

    def __init__(self, *, max_connections: int) -> None:
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self.multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self.multi.setopt(pycurl.M_MAXCONNECTS, max_connections)
        self._selector = selectors.DefaultSelector()
        self._masks: dict[int, int] = {}
        self._timer: float | None = None
        self._posted: deque[Callable[[], None]] = deque()
        self._bell_out, self._bell_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._bell_out, _READ)

    def close(self) -> None:
        """Ends what is under way and lets go."""
        self.multi.close()
        self._selector.close()
        os.close(self._bell_in)
        os.close(self._bell_out)

    def post(self, function: Callable[[], None]) -> None:
        """Has the owner's thread call a function soon."""
        self._posted.append(function)
        self.wake()

    def wake(self) -> None:
        """Ends the owner's wait; safe in signal handlers."""
        with suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self._bell_in, b"!")

    def add(self, curl: pycurl.Curl) -> None:
        """Starts a transfer."""
        self.multi.add_handle(curl)

    def turn(self, timeout: float) -> list[tuple[pycurl.Curl, int, str]]:
        """Waits for something to happen and does it; says which transfers are over.

        Args:
            timeout: seconds to wait at most.

        Returns:
            (handle, libcurl's error code or 0, its message) each.
        """
        multi = self.multi
        if self._timer is not None:
            timeout = min(timeout, max(0.0, self._timer - time.monotonic()))
        for found, events in self._selector.select(timeout):
            fd = found.fd
            if fd == self._bell_out:
                with suppress(BlockingIOError):
                    os.read(fd, 4096)
                continue
            mask = (pycurl.CSELECT_IN if events & _READ else 0) | (
                pycurl.CSELECT_OUT if events & _WRITE else 0
            )
            multi.socket_action(fd, mask)
        if self._timer is not None and time.monotonic() >= self._timer:
            self._timer = None
            multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        while self._posted:
            self._posted.popleft()()
        return self._over()

    def _over(self) -> list[tuple[pycurl.Curl, int, str]]:
        over: list[tuple[pycurl.Curl, int, str]] = []
        while True:
            queued, good, bad = self.multi.info_read()
            over.extend((curl, 0, "") for curl in good)
            over.extend(bad)
            if not queued:
                return over

    def _on_socket(self, event: int, fd: int, _multi: object, _data: object) -> None:
        known = self._masks.get(fd)
        if event == pycurl.POLL_REMOVE:
            if known is not None:
                del self._masks[fd]
                with suppress(KeyError, OSError, ValueError):  # libcurl may have closed it already
                    self._selector.unregister(fd)
            return
        mask = _MASKS.get(event)
        if mask is None or mask == known:
            return
        self._masks[fd] = mask
        if known is None:
            with suppress(KeyError):  # a number used again before its removal was told
                self._selector.unregister(fd)
            self._selector.register(fd, mask)
        else:
            self._selector.modify(fd, mask)

    def _on_timer(self, milliseconds: int) -> None:
        self._timer = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000
