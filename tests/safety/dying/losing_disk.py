"""A disk that loses everything that was not synced in a power failure.

It keeps the contents of each file, and the names in each folder, as of their last sync. The process
writes to the real files, which are compared with the synced state only at the power failure, so it does
not matter which calls it uses. Of everything that is not durable, the power failure then leaves:

``kept``: everything, like a kill.
``lost``: nothing.
``zeros``: names and lengths; new blocks are zeros. All writes of the ledger are kept.
``short``: names; files have their old lengths. All writes of the ledger are kept.
``undone``: bytes, but the old names. All writes of the ledger are kept.
``mixed``: each name, and each block of each file, at random.

A failed sync leaves its bytes neither durable nor dirty, like Linux: a second sync succeeds, but they are
still lost unless they are written again.
"""

import os
import pickle
import random
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

WAYS = ("kept", "lost", "zeros", "short", "undone", "mixed")
_BLOCK = 4096
_open, _close, _pread = os.open, os.close, os.pread


@dataclass
class _Node:
    """A file or folder that was synced, or is named by a folder that was.

    Attributes:
        fd: keeps its inode from being reused.
        data: a file's contents at its last sync.
        names: a folder's inodes by name at its last sync.
        gone: numbers of blocks whose sync failed.
    """

    fd: int
    data: bytes = b""
    names: dict[str, int] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)


class LosingDisk:
    """Everything below a folder; not thread-safe.

    Args:
        root: the folder; its current contents are durable.
        state: a file that passes on what is not durable from process to process.
    """

    def __init__(self, root: Path, state: Path | None = None) -> None:
        self._root = os.path.realpath(root)
        self._state = state
        self._nodes: dict[int, _Node] = {}
        self.sync_all()
        if state is not None and state.exists():
            known = pickle.loads(state.read_bytes())
            for inode in known.keys() & self._nodes.keys():
                node = self._nodes[inode]
                node.data, names, node.gone = known[inode]
                node.names = {name: each for name, each in names.items() if each in self._nodes}

    def holds(self, path: str) -> bool:
        """Whether the path is on this disk."""
        return path.startswith(self._root)

    # -- what the process does ----------------------------------------------------------------------

    def sync(self, fd: int) -> None:
        """A file's bytes, or the names in a folder, become durable."""
        path = _path(fd)
        if self.holds(path):
            self._sync(path)

    def sync_all(self) -> None:
        """Everything becomes durable."""
        for folder, _, files in os.walk(self._root):
            for name in files:
                self._sync(f"{folder}/{name}")
            self._sync(folder)

    def fail(self, fd: int) -> None:
        """A sync of the file failed; for a folder: of all files."""
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            for folder, _, files in os.walk(self._root):
                for name in files:
                    self._fail(f"{folder}/{name}")
        elif self.holds(path := _path(fd)):
            self._fail(path)

    def written(self, fd: int, start: int, end: int) -> None:
        """Bytes are dirty again, whatever happened to the earlier ones."""
        node = self._nodes.get(os.fstat(fd).st_ino)
        if node is not None:
            node.gone = {n for n in node.gone if not start < (n + 1) * _BLOCK < end + _BLOCK}

    def ledger_synced(self, path: str) -> None:
        """SQLite has synced a database."""
        for name in (path, f"{path}-wal"):
            if os.path.exists(name):  # noqa: PTH110 - text
                self._sync(name)
        self._sync(os.path.dirname(path))  # noqa: PTH120 - text

    def ledger_differs(self, path: str) -> bool:
        """Whether a database, without its write-ahead log, differs from its last synced state."""
        node = self._nodes.get(Path(path).stat().st_ino)
        return node is None or node.data != _read(node.fd)

    def _node(self, path: str) -> _Node:
        inode = os.lstat(path).st_ino
        if inode not in self._nodes:
            self._nodes[inode] = _Node(_open(path, os.O_RDONLY | os.O_NOFOLLOW))
        return self._nodes[inode]

    def _sync(self, path: str) -> None:
        node = self._node(path)
        if os.path.isdir(path):  # noqa: PTH112 - text
            node.names = _names(path)
            for name in node.names:
                self._node(f"{path}/{name}")
            return
        now = _read(node.fd)
        node.data = b"".join(
            old.ljust(len(new), b"\0")[: len(new)] if number in node.gone else new
            for number, (old, new) in enumerate(_blocks(node.data, now))
        )

    def _fail(self, path: str) -> None:
        node = self._node(path)
        now = _read(node.fd)
        node.gone |= {n for n, (old, new) in enumerate(_blocks(node.data, now)) if old != new}

    # -- the end ------------------------------------------------------------------------------------

    def save(self) -> None:
        """Stores what is not durable for the next process, without a power failure."""
        if self._state is not None:
            for folder, _, files in os.walk(self._root):
                for path in (folder, *(f"{folder}/{name}" for name in files)):
                    self._node(path)
            known = {
                inode: (node.data, node.names, node.gone) for inode, node in self._nodes.items()
            }
            self._state.write_bytes(pickle.dumps(known))

    def cut(self, way: str, seed: int) -> None:
        """Leaves on disk what a power failure leaves."""
        if way == "kept":
            self.save()
            return
        chance = random.Random(seed)
        left = _Left(way, chance, self._nodes)
        tree = left.folder(Path(self._root).stat().st_ino, self._root)
        shutil.rmtree(self._root)
        _write(self._root, tree, {})


Tree = dict[str, "tuple[int, int, bytes | Tree]"]  # by name: inode, mode and contents


class _Left:
    """What a power failure leaves."""

    def __init__(self, way: str, chance: random.Random, nodes: dict[int, _Node]) -> None:
        self._way = way
        self._chance = chance
        self._nodes = nodes

    def folder(self, inode: int, path: str | None) -> Tree:
        """The contents of a folder; path: None if it no longer has a name."""
        now = _names(path) if path is not None else {}
        node = self._nodes.get(inode)
        before = node.names if node is not None else {}
        tree: Tree = {}
        for name in sorted(now.keys() | before.keys()):
            its = now.get(name) if self._is_name_kept(name) else before.get(name)
            if its is None:
                continue
            here = f"{path}/{name}" if now.get(name) == its else None
            tree[name] = self._entry(its, here, ledger=".sqlite" in name)
        return tree

    def _is_name_kept(self, name: str) -> bool:
        if self._way == "mixed":
            return self._chance.random() < 0.5
        return self._way in {"zeros", "short"} or (self._way == "undone" and ".sqlite" in name)

    def _entry(
        self, inode: int, path: str | None, *, ledger: bool
    ) -> "tuple[int, int, bytes | Tree]":
        node = self._nodes.get(inode)
        if path is not None:
            fd = _open(path, os.O_RDONLY | os.O_NOFOLLOW)
        else:
            assert node is not None
            fd = node.fd
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            return inode, stat.S_IMODE(mode), self.folder(inode, path)
        old = node.data if node is not None else b""
        return inode, stat.S_IMODE(mode), self._data(old, _read(fd), ledger=ledger)

    def _data(self, old: bytes, new: bytes, *, ledger: bool) -> bytes:
        if self._way == "undone" or (ledger and self._way in {"zeros", "short"}):
            return new
        if self._way == "lost":
            return old
        if self._way == "short":
            return old[: len(new)]
        data = b"".join(self._block(a, b) for a, b in _blocks(old, new))
        return data if self._way == "zeros" else data[: self._chance.choice([len(old), len(new)])]

    def _block(self, old: bytes, new: bytes) -> bytes:
        """Durable data is not lost because more was written after it."""
        if self._way == "mixed" and self._chance.random() < 0.5:
            return new
        return old.ljust(len(new), b"\0")[: len(new)]


def _write(path: str, tree: Tree, written: dict[int, str]) -> None:
    os.makedirs(path, exist_ok=True)  # noqa: PTH103 - text
    for name, (inode, mode, content) in tree.items():
        here = f"{path}/{name}"
        if isinstance(content, dict):
            _write(here, content, written)
        elif inode in written:
            os.link(written[inode], here)
            continue
        else:
            written[inode] = here
            Path(here).write_bytes(content)
        Path(here).chmod(mode)


def _path(fd: int) -> str:
    return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - text


def _names(path: str) -> dict[str, int]:
    with os.scandir(path) as entries:
        return {entry.name: entry.inode() for entry in entries}


def _read(fd: int) -> bytes:
    return _pread(fd, os.fstat(fd).st_size, 0)


def _blocks(old: bytes, new: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The old and new contents, by blocks of the new ones."""
    for place in range(0, len(new), _BLOCK):
        yield old[place : place + _BLOCK], new[place : place + _BLOCK]
