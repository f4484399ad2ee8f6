"""What came and was rejected for good: kept aside, since it may be all that can be had.

A body lies at ``<dest>/.backhaul/rejected/<job>/<name>`` with the reason beside it. Nothing of ours
reads it again. The folder has a limit; what was kept first goes first.
"""

import errno
import json
import logging
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import BytesIO
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final

from backhaul.ledger.database import FOLDER
from backhaul.oserrors import describe
from backhaul.redact import mask, redact
from backhaul.storage.opening import create, remove
from backhaul.storage.place import Folders, Handle, Place
from backhaul.storage.workspace import PART, Workspace

log = logging.getLogger(__name__)

REASON: Final = ".reason.json"
_REJECTED: Final = "rejected"
_ENTRY: Final = 8192  # bytes that a body takes beside its own: it and its reason fill whole blocks
_BLOCK: Final = 1 << 20
_LOOK: Final = 1024
_BINARY: Final = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")  # bytes that no text has


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a body was rejected, for people and programs; no secret is in it."""

    job: str
    file: str
    kind: str
    message: str
    url: str


def rejected_folder(dest: Path, job: str) -> Path:
    """Where the rejected bodies of a job lie."""
    return dest / FOLDER / _REJECTED / job


def kept_at(dest: Path, job: str, name: str) -> str | None:
    """Where the body lies that was rejected last for a file; None when there is none."""
    path = rejected_folder(dest, job) / name
    return str(path) if path.is_file() else None


class RejectedBodies:
    """The rejected bodies of one destination; from any thread.

    Args:
        dest: the destination.
        limit: bytes that all of them may take.
    """

    def __init__(self, dest: Path, limit: int) -> None:
        self._dest = dest
        self._limit = limit
        self._lock = Lock()
        self._sizes: dict[str, int] | None = None  # the oldest first; None until it is needed

    def keep(
        self, reason: Reason, workspace: Workspace, own: tuple[str, ...], data: bytes | None
    ) -> None:
        """Keeps a body. Raises nothing: what cannot be kept is no reason to end a run.

        Args:
            reason: why it was rejected.
            workspace: of the job.
            own: what is secret of its request.
            data: its bytes; None: they are in the file's part.
        """
        try:
            self._keep(reason, workspace, own, data)
        except Exception as error:  # noqa: BLE001 - on a worker, where nothing else would tell it
            what = describe(error) if isinstance(error, OSError) else type(error).__name__
            log.warning("%s: what came cannot be kept: %s", reason.file, what)

    def _keep(
        self, reason: Reason, workspace: Workspace, own: tuple[str, ...], data: bytes | None
    ) -> None:
        workspace.check()
        name = f"{reason.job}/{reason.file}"
        with (
            workspace.read_part(reason.file) if data is None else BytesIO(data) as body,
            closing(Place(self._dest / FOLDER)) as place,
        ):
            folders = Folders(place.handle, mode=0o700)
            size = body.seek(0, os.SEEK_END)
            body.seek(0)
            if not size or not self._make_room(folders, name, size):
                return
            where, last = _at(folders, name, make=True)
            head = body.read(_LOOK)
            body.seek(0)
            if _is_text(head):
                blocks = _without_secrets(body, own, data=head.lstrip()[:1] in {b"{", b"["})
                _write(where, last, blocks)
            elif data is not None or not _moved(workspace, reason.file, where, last):
                _write(where, last, iter(lambda: body.read(_BLOCK), b""))
            kept = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            words = {**asdict(reason), "bytes": size, "kept": kept}
            _write(where, last + REASON, [f"{json.dumps(words, indent=1)}\n".encode()])

    def _make_room(self, folders: Folders, name: str, size: int) -> bool:
        """Removes the oldest until there is room; False when there never can be."""
        size += _ENTRY
        with self._lock:
            if self._sizes is None:
                self._sizes = dict(_found(rejected_folder(self._dest, "")))
            self._remove(folders, name, self._sizes)
            if size > self._limit:
                log.info("%s: what came is not kept: it is larger than rejected_limit", name)
                return False
            total = sum(self._sizes.values())
            while total + size > self._limit:
                oldest = next(iter(self._sizes))
                total -= self._remove(folders, oldest, self._sizes)
            self._sizes[name] = size
        return True

    def _remove(self, folders: Folders, name: str, sizes: dict[str, int]) -> int:
        with suppress(FileNotFoundError):
            where, last = _at(folders, name)
            remove(last, dir_fd=where.fd)
            remove(last + REASON, dir_fd=where.fd)
        return sizes.pop(name, 0)


def _found(folder: Path) -> Iterator[tuple[str, int]]:
    """All bodies that are kept, the oldest first, with what they take."""
    paths = (Path(here, name) for here, _, names in os.walk(folder) for name in names)
    stats = [(path.lstat(), path) for path in paths if not path.name.endswith(REASON)]
    for stat, path in sorted(stats, key=lambda each: each[0].st_mtime_ns):
        yield path.relative_to(folder).as_posix(), stat.st_size + _ENTRY


def _at(folders: Folders, name: str, *, make: bool = False) -> tuple[Handle, str]:
    """The folder that a body lies in, and its name there."""
    folder, _, last = name.rpartition("/")
    return folders.get(f"{_REJECTED}/{folder}", make=make), last


def _write(where: Handle, name: str, blocks: "Iterator[bytes] | list[bytes]") -> None:
    new = name + PART
    try:
        with os.fdopen(create(new, dir_fd=where.fd, mode=0o600), "wb") as file:
            file.writelines(blocks)
        os.rename(new, name, src_dir_fd=where.fd, dst_dir_fd=where.fd)
    except OSError:
        with suppress(OSError):
            remove(new, dir_fd=where.fd)
        raise


def _moved(workspace: Workspace, name: str, where: Handle, last: str) -> bool:
    """Whether a part could be moved as it is: not to another disk."""
    try:
        workspace.move_part(name, last, dir_fd=where.fd)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True


def _is_text(head: bytes) -> bool:
    """Whether people can read it, in whatever encoding: a page, XML, JSON. Data of machines cannot."""
    return not head.startswith(b"\x1f\x8b") and _BINARY.isdisjoint(head)


def _without_secrets(body: BinaryIO, own: tuple[str, ...], *, data: bool) -> Iterator[bytes]:
    """The text, line by line or nearly so; of data only what is known to be secret is taken out."""
    clean = mask if data else redact
    for block in iter(lambda: body.read(_BLOCK), b""):
        whole = chain([block], [body.readline(_BLOCK)] if not block.endswith(b"\n") else [])
        text = b"".join(whole).decode("utf-8", "surrogateescape")
        yield clean(text, own).encode("utf-8", "surrogateescape")
