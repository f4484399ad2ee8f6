"""Keeps rejected bodies for inspection, since they may be the only data available.

A body is stored at ``<workspace>/rejected/<job>/<name>`` with a file that gives the reason.
No run reads it. The folder has a size limit; the oldest bodies are removed first.
"""

import errno
import json
import logging
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Final, NamedTuple

from backhaul.foreign import line
from backhaul.oserrors import describe
from backhaul.redact import mask, redact
from backhaul.run.rejected_sizes import RejectedSizes
from backhaul.storage.opening import create, open_to_read, regular, remove
from backhaul.storage.place import Folders, Handle, Place
from backhaul.storage.workspace import PART, Workspace
from backhaul.transfer.context import Keep
from backhaul.transfer.unit import Failure, Transfer, bare

log = logging.getLogger(__name__)

REASON: Final = ".reason.json"
_REJECTED: Final = "rejected"
_ENTRY: Final = 8192  # overhead per body: it and its reason fill whole blocks
_BLOCK: Final = 1 << 20
_LOOK: Final = 1024
# Bytes that do not occur in text.
_BINARY: Final = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")


class Reason(NamedTuple):
    """Why a body was rejected; contains no secrets."""

    job: str
    file: str
    kind: str
    message: str
    url: str


def rejected_folder(workspace: Path, job: str) -> Path:
    """The folder of a job's rejected bodies."""
    return workspace / _REJECTED / job


def kept_at(workspace: Path, job: str, name: str) -> str | None:
    """The path of the last rejected body of a file; None if there is none."""
    path = rejected_folder(workspace, job) / name
    return str(path) if path.is_file() else None


class RejectedBody(NamedTuple):
    """A rejected body that was kept.

    Attributes:
        file: relative to the job's folder of rejected bodies.
        size: in bytes.
        at: when it was kept.
        kind, message: why it was rejected; empty if that cannot be read.
    """

    file: str
    size: int
    at: datetime
    kind: str
    message: str


def kept_bodies(workspace: Path, job: str) -> Iterator[RejectedBody]:
    """The job's rejected bodies, in no particular order. Raises OSError."""
    folder = rejected_folder(workspace, job)
    for here, _, names in os.walk(folder):
        for name in names:
            path = Path(here, name)
            if name.endswith((REASON, PART)):
                continue
            found = regular(path)
            if found is None:
                continue
            reason = _reason(path.with_name(name + REASON))
            yield RejectedBody(
                file=path.relative_to(folder).as_posix(),
                size=found.st_size,
                at=datetime.fromtimestamp(int(found.st_mtime), UTC),
                kind=line(str(reason.get("kind", ""))),
                message=line(str(reason.get("message", ""))),
            )


def _reason(path: Path) -> dict[str, Any]:
    try:
        with os.fdopen(open_to_read(path), "rb") as file:
            found = json.loads(file.read(_BLOCK))
    except (OSError, ValueError, RecursionError):  # no longer there, or damaged
        return {}
    return found if isinstance(found, dict) else {}


class JobRejects(NamedTuple):
    """Keeps rejected bodies of one job; see ``JobContext.rejected``."""

    bodies: "RejectedBodies"
    job: str
    workspace: Workspace | None

    def of(self, workspace: Workspace | None) -> "JobRejects":
        """The same for another workspace, before it is used; None if that is not known yet."""
        return self._replace(workspace=workspace)

    def __call__(self, transfer: Transfer, failure: Failure, own: Collection[str]) -> Keep | None:
        """Returns a function that keeps a transfer's rejected bytes; None without a workspace."""
        if self.workspace is None:
            return None
        reason = Reason(
            job=self.job,
            file=transfer.file.name,
            kind=failure.kind.value,
            message=line(failure.message),
            url=line(bare(transfer.request.url)),
        )
        return partial(self.bodies.keep, reason, self.workspace, tuple(own))


class RejectedBodies:
    """The rejected bodies of one destination. Thread-safe.

    Args:
        workspace: the destination's workspace.
        limit: maximum bytes of all bodies together, including those of the run's other processes.
        run: the run's id, the same in all its processes.
    """

    def __init__(self, workspace: Path, limit: int, run: str = "") -> None:
        self._state = workspace
        self._limit = limit
        self._run = run or secrets.token_hex(8)
        self._lock = Lock()
        self._sizes = RejectedSizes(
            workspace, self._run, lambda: _found(rejected_folder(workspace, ""))
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return RejectedBodies, (self._state, self._limit, self._run)

    def keep(
        self, reason: Reason, workspace: Workspace, own: tuple[str, ...], data: bytes | None
    ) -> None:
        """Keeps a body. Never raises: a body that cannot be kept must not end a run.

        Args:
            reason: why it was rejected.
            workspace: the job's workspace.
            own: secrets of its request.
            data: its bytes; None if they are in the file's part.
        """
        try:
            self._keep(reason, workspace, own, data)
        except Exception as error:  # noqa: BLE001 - runs on a worker, which would swallow it
            what = describe(error) if isinstance(error, OSError) else type(error).__name__
            log.warning("%s: cannot keep the rejected body: %s", reason.file, what)

    def _keep(
        self, reason: Reason, workspace: Workspace, own: tuple[str, ...], data: bytes | None
    ) -> None:
        workspace.check()
        name = f"{reason.job}/{reason.file}"
        with (
            workspace.read_part(reason.file) if data is None else BytesIO(data) as body,
            closing(Place(self._state)) as place,
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
            words = {**reason._asdict(), "bytes": size, "kept": kept}
            _write(where, last + REASON, [f"{json.dumps(words, indent=1)}\n".encode()])
            with self._lock, self._sizes.held():
                if name not in self._sizes:  # another process needed the space while this one wrote
                    self._remove(folders, name)

    def _make_room(self, folders: Folders, name: str, size: int) -> bool:
        """Removes the oldest bodies until the new one fits; returns False if it is too large."""
        size += _ENTRY
        sizes = self._sizes
        with self._lock, sizes.held():
            self._remove(folders, name)
            if size > self._limit:
                log.info("%s: rejected body not kept: larger than rejected_limit", name)
                return False
            total = sizes.total
            while total + size > self._limit:
                total -= self._remove(folders, sizes.oldest)
            sizes[name] = size
        return True

    def _remove(self, folders: Folders, name: str) -> int:
        with suppress(FileNotFoundError):
            where, last = _at(folders, name)
            remove(last, dir_fd=where.fd)
            remove(last + REASON, dir_fd=where.fd)
        return self._sizes.pop(name)


def _found(folder: Path) -> Iterator[tuple[str, int]]:
    """All kept bodies with their disk usage, oldest first."""
    paths = (Path(here, name) for here, _, names in os.walk(folder) for name in names)
    stats = [(path.lstat(), path) for path in paths if not path.name.endswith(REASON)]
    for stat, path in sorted(stats, key=lambda each: each[0].st_mtime_ns):
        yield path.relative_to(folder).as_posix(), stat.st_size + _ENTRY


def _at(folders: Folders, name: str, *, make: bool = False) -> tuple[Handle, str]:
    """The folder and file name for a body."""
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
    """Whether the part could be moved; it cannot be to another disk."""
    try:
        workspace.move_part(name, last, dir_fd=where.fd)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True


def _is_text(head: bytes) -> bool:
    """Whether it is text in any encoding, such as HTML, XML or JSON, and not binary data."""
    return not head.startswith(b"\x1f\x8b") and _BINARY.isdisjoint(head)


def _without_secrets(body: BinaryIO, own: tuple[str, ...], *, data: bool) -> Iterator[bytes]:
    """Redacts text roughly line by line; in data, only known secrets."""
    clean = mask if data else redact
    for block in iter(lambda: body.read(_BLOCK), b""):
        whole = chain([block], [body.readline(_BLOCK)] if not block.endswith(b"\n") else [])
        text = b"".join(whole).decode("utf-8", "surrogateescape")
        yield clean(text, own).encode("utf-8", "surrogateescape")
