"""The cost of the bare work: a single libcurl loop, as lean as Python allows.

Run it as ``bare.py HOW LISTING FOLDER PROCESSES CONNECTIONS``. HOW is ``fetch`` (the bytes are
discarded), ``verify`` (unpacked, each record parsed, hashed), ``write`` (that, and written as ``.part``
and renamed in FOLDER), ``record`` (that, and for each file a row in SQLite and a line of JSON, by a program
that imports what a command does), or ``read`` (LISTING names local files, which are verified). Each
process has its part of the files and of the connections. No listing of a provider, no retry, no progress,
and but for ``record`` no ledger and no manifest.
"""

import hashlib
import os
import select
import sqlite3
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from io import BytesIO
from itertools import filterfalse
from pathlib import Path
from typing import Any

import msgspec
import pycurl
from isal import igzip_lib

_STEP = 1 << 18
_ACTIONS = {1: pycurl.CSELECT_IN, 4: pycurl.CSELECT_OUT, 5: pycurl.CSELECT_IN | pycurl.CSELECT_OUT}
_EVENTS = {pycurl.POLL_IN: 1, pycurl.POLL_OUT: 4, pycurl.POLL_INOUT: 5}


class _Object(msgspec.Struct, gc=False):
    """A JSON object, parsed but not built."""


_parse = msgspec.json.Decoder(_Object).decode


def verify(data: bytes) -> tuple[int, str]:
    """Number of records and hash of a gzip file. Raises isal's errors and msgspec's."""
    engine = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    count = 0
    begun = b""
    for start in range(0, len(data), _STEP):
        piece = data[start : start + _STEP]
        while True:
            text = engine.decompress(piece, _STEP)
            first = text.find(b"\n") + 1 if begun else 0
            end = text.rfind(b"\n") + 1
            if first:
                _parse(begun + text[:first])
                count += 1
            lines = filterfalse(bytes.isspace, BytesIO(text[first:end]))
            count += len(list(map(_parse, lines)))
            begun = text[end:] if end else begun + text
            if engine.needs_input or engine.eof:
                break
            piece = b""
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
        self.rows: list[tuple[str, int, int, str]] = []  # name, size, records, hash

    def run(self, connections: int) -> None:
        """Fetch all URLs."""
        under_way = sum(self._start(self._handle()) for _ in range(connections))
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
        name = self._names[curl]
        self.rows.append((name, len(data), *verify(data)))
        if self._how in {"write", "record"}:
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


def work(how: str, found: list[str], folder: str, connections: int) -> list[Any]:
    """Do one process's part; returns the rows."""
    if how == "read":
        for path in found:
            verify(Path(path).read_bytes())
        return []
    bare = Bare(how, found, os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
    bare.run(connections)
    return bare.rows


def record(rows: list[Any], folder: str) -> None:
    """Write a ledger and a manifest."""
    with closing(sqlite3.connect(f"{folder}/ledger.sqlite")) as ledger, ledger:
        ledger.execute("PRAGMA journal_mode = WAL")
        ledger.execute("CREATE TABLE files (name TEXT PRIMARY KEY, size, records, sha256)")
        ledger.executemany("INSERT INTO files VALUES (?, ?, ?, ?)", rows)
    encode = msgspec.json.Encoder().encode
    Path(folder, "manifest.jsonl").write_bytes(b"\n".join(map(encode, rows)))


def main(how: str, listing: str, folder: str, number: str, connections: str) -> None:
    """Run the script."""
    if how == "record":
        import pluggy  # noqa: F401, PLC0415 - as a command does
        import pydantic  # noqa: F401, PLC0415
        import requests  # noqa: F401, PLC0415
        import typer._adapters  # noqa: F401, PLC0415
        import yaml  # noqa: F401, PLC0415
    found = Path(listing).read_text().split()
    count = int(number)
    share = int(connections) // count
    with ProcessPoolExecutor(max(1, count - 1)) as others:
        parts = [
            others.submit(work, how, found[start::count], folder, share)
            for start in range(1, count)
        ]
        rows = work(how, found[::count], folder, share)
        for part in parts:
            rows += part.result()
    if how == "record":
        record(rows, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
