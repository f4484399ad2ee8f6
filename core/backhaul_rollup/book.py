"""The manifest of a roll-up folder: its outputs and their inputs."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from backhaul.commands import Beside, FileRow, opening, write_whole
from backhaul_rollup.values import storable

# Data set readers skip files whose name begins with ``_``.
MANIFEST = "_MANIFEST.jsonl"
SUMS = "_SHA256SUMS"
_OLDER = {MANIFEST: "MANIFEST.jsonl", SUMS: "SHA256SUMS"}  # their former names


class Book:
    """The entries of a folder's manifest, by file.

    Drops entries of files that are missing or have another size. Raises OSError.

    Args:
        folder: where the outputs are created.
        store: where they are stored, if that is an object store; the folder is then emptied.
        below: the folder's name there.
    """

    def __init__(self, folder: Path, store: Beside | None = None, below: str = "") -> None:
        self.folder = folder
        self._store = store
        self._below = below
        if store is not None:
            store.fetch(f"{below}/{MANIFEST}", folder / MANIFEST)
        self._entries: dict[str, dict[str, Any]] = {}
        self._changed = False
        text = _text(folder / MANIFEST)
        if text is None:
            text = _text(folder / _OLDER[MANIFEST])
            self._changed = text is not None
        for line in (text or "").split("\n"):
            if not line:
                continue
            entry = _read(line)
            if entry is not None and self._size(entry["file"]) == entry["size"]:
                self._entries[entry["file"]] = entry
            else:
                self._changed = True

    def get(self, file: str) -> dict[str, Any] | None:
        """The file's entry."""
        return self._entries.get(file)

    def _size(self, file: str) -> int | None:
        if self._store is not None:
            return self._store.size(f"{self._below}/{file}")
        found = opening.regular(self.folder / file)
        return None if found is None else found.st_size

    def _keep(self, file: str) -> None:
        """Moves a file to the store, if there is one."""
        if self._store is not None:
            self._store.put(f"{self._below}/{file}", self.folder / file)
            opening.remove(self.folder / file)

    def put(self, entry: dict[str, Any]) -> None:
        """Records a written file. Raises OSError."""
        self._keep(entry["file"])
        self._entries[entry["file"]] = entry
        self._changed = True

    def entries(self) -> list[dict[str, Any]]:
        """All entries, by time, then name."""
        return sorted(
            self._entries.values(),
            key=lambda entry: ((entry.get("slot") or {}).get("start") or "", entry["file"]),
        )

    def save(self) -> None:
        """Writes the manifest and the checksums, if anything changed."""
        if not self._changed:
            return
        entries = self.entries()
        lines = (storable(json.dumps(entry, ensure_ascii=False)) + "\n" for entry in entries)
        sums = (f"{entry['sha256']}  {entry['file']}\n" for entry in entries)
        write_whole(self.folder / SUMS, (line.encode() for line in sums))
        write_whole(self.folder / MANIFEST, (line.encode() for line in lines))
        for name in _OLDER.values():
            opening.remove(self.folder / name)
        self._keep(SUMS)
        self._keep(MANIFEST)
        self._changed = False


def _text(path: Path) -> str | None:
    try:
        with open(opening.open_to_read(path), encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            return file.read()
    except FileNotFoundError:
        return None


def inputs_digest(rows: Iterable[FileRow], *settings: object) -> str:
    """A hash over files and settings: equal hashes mean equal outputs."""
    found = hashlib.sha256(json.dumps(settings, default=str).encode())
    for row in rows:
        line = f"\n{row.state} {row.sha256} {row.footer_lines} {row.name}"
        found.update(line.encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _read(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    match entry:
        case {"file": str(name), "size": int(), "sha256": str(), "inputs": str()} if (
            "/" not in name
        ):
            return entry if isinstance(entry, dict) else None
    return None
