"""Spreads the verification of large parts over the cores."""

import logging
import os
from collections.abc import Callable
from threading import Lock
from typing import Final

from backhaul.errors import FailureKind
from backhaul.transfer.processes.fork_server import SharedForkServer
from backhaul.transfer.processes.verifier_process import VerifierDied, VerifierProcess
from backhaul.transfer.verifiers import Rules
from backhaul.types import Content
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Verifier

log = logging.getLogger(__name__)

_BLOCK: Final = 1 << 18
_WAIT: Final = (
    0.02  # seconds that a thread waits for a process to catch up before it does other work
)


class VerifierPool:
    """Verifies one large part in this process, and those beside it in processes of their own.

    So a single large file starts no process, and several use all cores.

    Args:
        server: forks the processes.
        most: maximum number of processes.
    """

    def __init__(self, server: SharedForkServer, *, most: int) -> None:
        self.most = most
        self._server = server
        self._lock = Lock()
        self._here = 0  # parts that this process verifies
        self._away = 0

    def of(
        self, open_part: Callable[[], int], rules: Rules, digest: str | None = None
    ) -> "SpreadVerifier":
        """See Verifiers."""
        return SpreadVerifier(self, open_part, rules._replace(checksum=rules.checksum or digest))

    def take(self, part: int, rules: Rules) -> VerifierProcess | None:
        """A process for a part; None if this process should verify it."""
        with self._lock:
            if self._here == 0 or self._away >= self.most:
                self._here += 1
                return None
            self._away += 1
        try:
            server = self._server.start()
            if server is not None:
                return VerifierProcess(server, part, rules)
        except OSError as error:  # no more processes, or the fork server was killed
            log.debug("no process to verify in: %s", error)
        self.moves_here()
        return None

    def moves_here(self) -> None:
        """This process verifies the part of another one."""
        with self._lock:
            self._away -= 1
            self._here += 1

    def left(self, *, here: bool) -> None:
        """A verification in this process, or in another one, has ended."""
        with self._lock:
            if here:
                self._here -= 1
            else:
                self._away -= 1


class SpreadVerifier:
    """A PartVerifier: in this process or in another one, as the pool decides at the first byte.

    Another process reads the part from disk, right behind what is fed. If it dies, and after ``close``, all
    that was fed is read again from disk.
    """

    def __init__(self, pool: VerifierPool, open_part: Callable[[], int], rules: Rules) -> None:
        self._pool = pool
        self._open_part = open_part
        self._rules = rules
        self._size = 0
        self._verifier: Verifier | None = None
        self._process: VerifierProcess | None = None

    def ready(self) -> bool:
        """Whether the process that verifies the part has nearly caught up."""
        try:
            return self._process is None or self._process.ready(_WAIT)
        except VerifierDied:
            self._repeat()
            return True

    def feed(self, data: bytes) -> None:
        """Adds a chunk, which is on disk. Raises VerifyFault or OSError."""
        if self._verifier is None and self._process is None:
            self._begin()
        self._size += len(data)
        try:
            if self._process is not None:
                self._process.read_to(self._size)
        except VerifierDied:
            self._repeat()
        else:
            if self._verifier is not None:
                self._verifier.feed(data)

    def finish(self) -> Content:
        if self._verifier is None and self._process is None:
            self._begin()
        if self._process is not None:
            try:
                self._process.read_to(self._size)
                content = self._process.finish()
            except VerifierDied:
                self._repeat()
            else:
                self.close()
                return content
        verifier = self._verifier or self._rules.verifier()
        return verifier.finish()

    def close(self) -> None:
        """Ends the process, if there is one, and makes room for other parts."""
        if self._process is not None:
            self._process.end()
            self._pool.left(here=False)
        elif self._verifier is not None:
            self._pool.left(here=True)
        self._process = self._verifier = None

    def _begin(self) -> None:
        part = self._open_part()
        try:
            self._process = self._pool.take(part, self._rules)
            if self._process is None:
                self._read_again(part)
        finally:
            os.close(part)

    def _repeat(self) -> None:
        """The process has died: this one verifies the part."""
        log.warning("a process that verifies a file has died; verifying the file again")
        if self._process is not None:
            self._process.end()
            self._process = None
            self._pool.moves_here()
        part = self._open_part()
        try:
            self._read_again(part)
        finally:
            os.close(part)

    def _read_again(self, part: int) -> None:
        """Verifies what was fed, in this process."""
        self._verifier = self._rules.verifier()
        position = 0
        while position < self._size:
            block = os.pread(part, min(_BLOCK, self._size - position), position)
            if not block:
                raise VerifyFault(FailureKind.TRUNCATED, "the partial file became shorter")
            self._verifier.feed(block)
            position += len(block)
