"""A destination that is not a folder next to the parts: an object store, as far as a run can tell.

It accepts whole files under keys, one PUT each, and has neither renames nor parts. The
objects are files of another folder, named by digests of their keys.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Self

from backhaul.storage.destination import Refused, Staged
from backhaul.storage.workspace import Workspace


class _Document:
    def __init__(self, store: "Store", name: str) -> None:
        self._store = store
        self._name = name
        self._data = io.BytesIO()
        self.write = self._data.write

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._data.close()

    def commit(self) -> None:
        self._store.put(self._name, self._data.getvalue())

    def withdraw(self) -> None:
        self._store.remove(self._name)


class Store:
    """See Destination.

    Args:
        folder: where the objects are stored.
        workspace: where the parts of what is published are.
    """

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._workspace = workspace
        self.was_empty = not list(self.listing())
        self.url = f"store://{folder.name}"

    is_remote = True

    def _path(self, name: str) -> Path:
        return self._folder / hashlib.sha256(name.encode()).hexdigest()

    def put(self, name: str, data: bytes) -> None:
        self._path(name).with_suffix(".key").write_text(json.dumps(name))
        self._path(name).write_bytes(data)

    def remove(self, name: str) -> None:
        for path in (self._path(name), self._path(name).with_suffix(".key")):
            path.unlink(missing_ok=True)

    def check(self) -> None:
        pass

    def free(self) -> None:
        return None

    def size(self, name: str) -> int | None:
        path = self._path(name)
        return path.stat().st_size if path.exists() else None

    def etag(self, name: str) -> str:
        return hashlib.sha256(self._path(name).read_bytes()).hexdigest()

    def clean(self) -> None:
        pass

    def holds(self, name: str, sha256: str | None) -> bool:
        return hashlib.sha256(self._path(name).read_bytes()).hexdigest() == sha256

    def open(self, name: str) -> BinaryIO:
        return self._path(name).open("rb", buffering=0)

    def listing(self, prefix: str = "") -> Iterator[str]:
        names = sorted(json.loads(key.read_text()) for key in self._folder.glob("*.key"))
        yield from (name for name in names if name.startswith(prefix))

    def remove_empty(self) -> None:
        pass

    def beside(self, name: str) -> Iterator[str]:
        folder = name.rpartition("/")[0]
        yield from (each for each in self.listing() if each.rpartition("/")[0] == folder)

    def refuse_others(self, name: str) -> None:
        pass

    def settle(self, name: str) -> None:
        pass

    def adopt(self, alias: str, name: str) -> None:
        self.put(name, self._path(alias).read_bytes())
        self.remove(alias)

    def publish(self, staged: Sequence[Staged], *, overwrite: bool = True) -> list[Refused]:
        for each in staged:
            with self._workspace.read_part(each.name) as part:
                data = part.read()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (each.size, each.sha256)
            if not overwrite and self.size(each.name) is not None:
                raise FileExistsError(each.name)
            self.put(each.name, data)
            self._workspace.drop_part(each.name)
        return []

    def finish(self, name: str) -> None:
        pass

    def document(self, name: str) -> _Document:
        return _Document(self, name)

    def stamp(self, name: str) -> tuple[int, int] | None:
        path = self._path(name)
        if not path.exists():
            return None
        found = path.stat()
        return found.st_size, found.st_mtime_ns

    def sync(self) -> None:
        pass

    def local_path(self, name: str) -> Path:
        return self._path(name)

    def close(self) -> None:
        pass
