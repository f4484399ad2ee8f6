"""What the same work costs with nothing around it: one libcurl loop, as bare as Python has it.

Run as a program of its own: ``bare.py HOW LISTING [FOLDER]``. HOW is ``fetch`` (the bytes are
thrown away), ``verify`` (unpacked, lines counted, hashed), ``write`` (that, and written as
``.part`` and renamed in FOLDER), or ``read`` (LISTING names local files; each of two processes
verifies half of them). No listing of a provider, no ledger, no manifest, no retry, no progress.
"""

import hashlib
import multiprocessing
import os
import select
import sys
import time
from io import BytesIO
from pathlib import Path

import pycurl
from isal import isal_zlib

_AT_ONCE = 16
_STEP = 1 << 18
_ACTIONS = {1: pycurl.CSELECT_IN, 4: pycurl.CSELECT_OUT, 5: pycurl.CSELECT_IN | pycurl.CSELECT_OUT}
_EVENTS = {pycurl.POLL_IN: 1, pycurl.POLL_OUT: 4, pycurl.POLL_INOUT: 5}


def verify(data: bytes) -> tuple[int, str]:
    """Lines and hash of a gzip file; raises what isal raises."""
    engine = isal_zlib.decompressobj(wbits=31)
    count = 0
    for start in range(0, len(data), _STEP):
        rest = data[start : start + _STEP]
        while rest:
            text = BytesIO(engine.decompress(rest, _STEP))
            count += list(map(bytes.isspace, text)).count(False)
            rest = engine.unconsumed_tail
    return count, hashlib.sha256(data).hexdigest()


class Bare:
    """One libcurl loop over all URLs."""

    def __init__(self, how: str, urls: list[str], folder: int) -> None:
        self._how = how
        self._folder = folder
        self._pending = iter(urls)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._timer: float | None = None
        self._epoll = select.epoll()
        self._active: set[int] = set()
        self._bodies: dict[pycurl.Curl, list[bytes]] = {}
        self._names: dict[pycurl.Curl, str] = {}

    def run(self) -> None:
        """Fetches all of them."""
        under_way = sum(self._start(self._handle()) for _ in range(_AT_ONCE))
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        while under_way:
            wait = 1.0 if self._timer is None else max(0.0, self._timer - time.monotonic())
            for fd, events in self._epoll.poll(wait):
                if fd in self._active:
                    self._multi.socket_action(fd, _ACTIONS[events & 5 or 1])
            if self._timer is not None and time.monotonic() >= self._timer:
                self._timer = None
                self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            _, good, bad = self._multi.info_read(1000)
            if bad:
                raise SystemExit(f"bare: {bad[0][2]}")
            for curl in good:
                self._multi.remove_handle(curl)
                self._whole(curl)
                under_way -= not self._start(curl)

    def _handle(self) -> pycurl.Curl:
        curl = pycurl.Curl()
        body: list[bytes] = []
        self._bodies[curl] = body
        curl.setopt(pycurl.WRITEFUNCTION, body.append)
        curl.setopt(pycurl.BUFFERSIZE, 1 << 18)
        curl.setopt(pycurl.CAINFO, os.environ["SSL_CERT_FILE"])
        return curl

    def _start(self, curl: pycurl.Curl) -> bool:
        url = next(self._pending, None)
        if url is None:
            return False
        curl.setopt(pycurl.URL, url)
        self._names[curl] = url.rpartition("/")[2]
        self._multi.add_handle(curl)
        return True

    def _whole(self, curl: pycurl.Curl) -> None:
        data = b"".join(self._bodies[curl])
        self._bodies[curl].clear()
        if self._how == "fetch":
            return
        verify(data)
        if self._how == "write":
            name = self._names[curl]
            part = f"{name}.part"
            fd = os.open(part, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=self._folder)
            os.write(fd, data)
            os.close(fd)
            os.rename(part, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def _on_timer(self, milliseconds: int) -> None:
        self._timer = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _on_socket(self, event: int, fd: int, _multi: object, _data: object) -> None:
        mask = _EVENTS.get(event)
        if mask is None:
            self._active.discard(fd)
            return
        self._active.add(fd)
        try:
            self._epoll.modify(fd, mask)
        except FileNotFoundError:
            self._epoll.register(fd, mask)


def read(paths: list[str]) -> None:
    """Verifies local files."""
    for path in paths:
        verify(Path(path).read_bytes())


def main(how: str, listing: str, folder: str = ".") -> None:
    """The program."""
    found = Path(listing).read_text().split()
    if how == "read":
        halves = [
            multiprocessing.Process(target=read, args=(found[start::2],)) for start in range(2)
        ]
        for half in halves:
            half.start()
        for half in halves:
            half.join()
        return
    Bare(how, found, os.open(folder, os.O_RDONLY | os.O_DIRECTORY)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
