"""The sizes of rejected bodies, counted jointly by the processes of a run."""

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from backhaul.storage.opening import open_to_write

NAME: Final = "rejected.sizes"


class RejectedSizes:
    """Sizes by name, oldest first; use ``held``, which gives one process at a time access.

    The file begins with the run's id and has a line for each body that was added or removed. A run that
    finds another run's id reads the sizes of the bodies themselves.

    Args:
        workspace: the destination's workspace.
        run: the run's id.
        found: yields all kept bodies with their sizes, oldest first.
    """

    def __init__(
        self, workspace: Path, run: str, found: Callable[[], Iterable[tuple[str, int]]]
    ) -> None:
        self._path = workspace / NAME
        self._run = run
        self._found = found
        self._read = 0  # bytes of the file
        self._sizes: dict[str, int] = {}
        self._lines: list[str] = []

    @contextmanager
    def held(self) -> Iterator[None]:
        """Waits for other processes, and reads their changes. Raises OSError."""
        fd = open_to_write(self._path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            self._catch_up(fd)
            yield
            data = "".join(self._lines).encode()
            self._lines.clear()
            os.pwrite(fd, data, self._read)
            self._read += len(data)
        finally:
            os.close(fd)

    def _catch_up(self, fd: int) -> None:
        first = json.dumps([self._run]) + "\n"
        if os.pread(fd, len(first), 0) != first.encode():
            os.ftruncate(fd, 0)
            self._read = 0
            self._sizes.clear()
            self._lines.append(first)
            for name, size in self._found():
                self[name] = size
            return
        data = bytearray()
        while block := os.pread(fd, 1 << 20, self._read + len(data)):
            data += block
        self._read += len(data)
        for line in data.splitlines():
            name, *size = json.loads(line)
            self._sizes.pop(name, None)
            if size and size[0]:
                self._sizes[name] = size[0]

    def __contains__(self, name: str) -> bool:
        return name in self._sizes

    def __setitem__(self, name: str, size: int) -> None:
        self._sizes[name] = size
        self._lines.append(json.dumps([name, size]) + "\n")

    def pop(self, name: str) -> int:
        """Removes a body; returns its size, 0 if there was none."""
        size = self._sizes.pop(name, 0)
        if size:
            self._lines.append(json.dumps([name, 0]) + "\n")
        return size

    @property
    def oldest(self) -> str:
        """The oldest body; there must be one."""
        return next(iter(self._sizes))

    @property
    def total(self) -> int:
        """The sum of all sizes."""
        return sum(self._sizes.values())
