"""Names of files waiting for a command, in the format in which it reads them."""

import tempfile
import time
from collections import deque
from collections.abc import Callable
from typing import IO, Final, cast

LARGEST: Final = 100_000  # names per batch
_MOST: Final = 1_000_000  # waiting names per job
_IN_MEMORY: Final = 1 << 20  # bytes of a batch; the rest is on disk


class Batch:
    """Names for one run of the command.

    Attributes:
        count: how many.
        since: when the first was added (monotonic).
        file: the names.
    """

    def __init__(self) -> None:
        self.count = 0
        self.since = time.monotonic()
        self.file = cast("IO[bytes]", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - closed after use


class Waiting:
    """The waiting batches of a job, oldest first.

    Attributes:
        count: how many names wait.
        lost: how many names were dropped because too many were waiting or the disk was full.
    """

    def __init__(self, separator: bytes) -> None:
        self._separator = separator
        self._batches: deque[Batch] = deque()
        self.count = self.lost = 0

    def add(self, name: str) -> None:
        """Adds a name."""
        if self.count >= _MOST:
            self.lost += 1
            return
        if not self._batches or self._batches[-1].count >= LARGEST:
            self._batches.append(Batch())
        batch = self._batches[-1]
        try:
            batch.file.write(name.encode() + self._separator)
        except OSError:
            # No space for temporary files: the last name may be cut short, so none of them counts.
            self._batches.pop()
            self.count -= batch.count
            self.lost += batch.count + 1
            return
        batch.count += 1
        self.count += 1

    def take(self, ready: Callable[[Batch], bool]) -> Batch | None:
        """Removes the oldest batch if it is ready."""
        if not self._batches or not self._batches[0].count or not ready(self._batches[0]):
            return None
        batch = self._batches.popleft()
        self.count -= batch.count
        return batch

    def close(self) -> None:
        """Removes all batches."""
        for batch in self._batches:
            batch.file.close()
        self._batches.clear()
