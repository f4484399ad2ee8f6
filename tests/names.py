"""Name resolution controlled by the test: its own DNS server, and addresses that do not answer.

Commands run in a mount namespace with an ``/etc/resolv.conf`` that points to the server. That requires
root, as does port 53; tests are skipped without it.
"""

import socket
import struct
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

_PORT = 53
_A = 1
_ENTER = (
    'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"'
)


class Names:
    """The DNS server.

    Attributes:
        addresses: by name; other names do not exist.
        silent: do not answer.
        asked: the queried names, in order.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.addresses: dict[str, list[str]] = {}
        self.silent = False
        self.asked: list[str] = []
        host = f"127.53.{number // 250 % 250}.{number % 250 + 1}"
        self._resolv, self._hosts = folder / "resolv.conf", folder / "hosts"
        self._resolv.write_text(f"nameserver {host}\noptions timeout:30 attempts:5\n")
        self._hosts.write_text("127.0.0.1 localhost\n")
        self._closed = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, _PORT))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def command(self, *words: object) -> list[str]:
        """A command line that uses this server."""
        files = (self._resolv, self._hosts)
        return ["unshare", "-m", "sh", "-c", _ENTER, "sh", *map(str, (*files, *words))]

    def close(self) -> None:
        """Stop the server."""
        self._closed = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, client = self._socket.recvfrom(4096)
            if self._closed:
                return
            name, kind, end = _question(question)
            self.asked.append(name)
            if not self.silent:
                self._socket.sendto(self._answer(question, name, kind, end), client)

    def _answer(self, question: bytes, name: str, kind: int, end: int) -> bytes:
        found = self.addresses.get(name)
        records = found if found and kind == _A else []
        head = struct.pack(
            ">HHHHHH",
            int.from_bytes(question[:2], "big"),
            0x8180 if found is not None else 0x8183,
            1,
            len(records),
            0,
            0,
        )
        body = b"".join(
            struct.pack(">HHHIH", 0xC00C, _A, 1, 0, 4) + socket.inet_aton(address)
            for address in records
        )
        return head + question[12:end] + body


def _question(packet: bytes) -> tuple[str, int, int]:
    labels, place = [], 12
    while length := packet[place]:
        labels.append(packet[place + 1 : place + 1 + length].decode("ascii"))
        place += 1 + length
    (kind,) = struct.unpack(">H", packet[place + 1 : place + 3])
    return ".".join(labels).lower(), kind, place + 5


@contextmanager
def names(folder: Path) -> Iterator[Names]:
    """A DNS server; skips the test if there can be none."""
    number = hash(str(folder)) % 60_000
    try:
        made = Names(folder, number)
    except OSError as error:
        pytest.skip(f"needs a DNS server on port {_PORT}: {error}")
    try:
        possible = subprocess.run(made.command("true"), capture_output=True, check=False)
        if possible.returncode:
            pytest.skip(f"needs a mount namespace: {possible.stderr.decode().strip()}")
        yield made
    finally:
        made.close()


@contextmanager
def dead(hosts: Sequence[str], port: int = 0) -> Iterator[int]:
    """A port at which none of these loopback addresses answers, not even with a refusal."""
    with ExitStack() as opened:
        for host in hosts:
            listener = opened.enter_context(socket.create_server((host, port), backlog=0))
            port = port or listener.getsockname()[1]
            while True:  # until the queue is full, after which the kernel stays silent
                caller = opened.enter_context(socket.socket())
                caller.settimeout(0.2)
                try:
                    caller.connect((host, port))
                except TimeoutError:
                    break
        yield port


@contextmanager
def mute() -> Iterator[int]:
    """A port of 127.0.0.1 that accepts connections and never sends anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener.getsockname()[1]
