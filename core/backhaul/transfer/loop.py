"""libcurl's multi interface in an event loop that accepts messages from other threads."""

import threading

import pycurl

from backhaul.mailbox import Mailbox
from backhaul.transfer.bell import Bell
from backhaul.transfer.poller import READ, WRITE, Poller

_CLOSING = 0.5  # seconds
_MASKS = {pycurl.POLL_IN: READ, pycurl.POLL_OUT: WRITE, pycurl.POLL_INOUT: READ | WRITE}
_ACTIONS = {
    0: pycurl.CSELECT_ERR,
    READ: pycurl.CSELECT_IN,
    WRITE: pycurl.CSELECT_OUT,
    READ | WRITE: pycurl.CSELECT_IN | pycurl.CSELECT_OUT,
}


class Loop:
    """Drives transfers; used from one thread, except for ``mailbox.post`` and ``wake``.

    Attributes:
        mailbox: function calls from other threads.
    """

    def __init__(self, *, max_connections: int) -> None:
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self.multi.setopt(pycurl.M_MAXCONNECTS, max_connections)
        self._poller = Poller()
        self.mailbox = Mailbox(self.wake)
        self._bell = Bell()
        self._poller.watch(self._bell.fd, READ)

    def close(self) -> None:
        """Aborts active transfers and releases all resources."""
        self.mailbox.close()  # closed descriptor numbers may be reused by other files
        # A hung name lookup cannot be cancelled, and libcurl waits for it.
        closing = threading.Thread(target=self.multi.close, name="close transfers", daemon=True)
        try:
            closing.start()
        except RuntimeError:  # no more threads available
            self.multi.close()
        else:
            closing.join(_CLOSING)
        self._poller.close()
        self._bell.close()

    def wake(self) -> None:
        """Ends the owner's wait, if it is waiting; safe in signal handlers."""
        if not self.mailbox.closed:
            self._bell.ring()

    def add(self, curl: pycurl.Curl) -> None:
        """Starts a transfer."""
        self.multi.add_handle(curl)

    def turn(self, timeout: float) -> list[tuple[pycurl.Curl, int, str]]:
        """Waits for events and processes them; returns completed transfers.

        Args:
            timeout: maximum seconds to wait.

        Returns:
            (handle, libcurl's error code or 0, its message) for each.
        """
        multi = self.multi
        left = multi.timeout()  # milliseconds; asking costs less than a callback for each change
        if left >= 0:
            timeout = min(timeout, left / 1000)
        for fd, mask in self._poller.wait(timeout):
            if fd == self._bell.fd:
                self._bell.silence()
            else:
                multi.socket_action(fd, _ACTIONS[mask])
        if multi.timeout() == 0:
            multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self.mailbox.deliver()
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
        mask = _MASKS.get(event)
        if mask is None:
            self._poller.leave(fd)
        else:
            self._poller.watch(fd, mask)
