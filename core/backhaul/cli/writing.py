"""Atomic writes of files for users."""

import os
from collections.abc import Iterable
from pathlib import Path

from backhaul.errors import ConfigError, DiskError
from backhaul.oserrors import describe
from backhaul.storage.naming import rename_new
from backhaul.storage.opening import create


def write_file(path: Path, text: str | Iterable[str], *, force: bool = False) -> None:
    """Write a file, given as text or as parts; pipes, /dev/stdout and other special files are written to directly.

    Raises:
        ConfigError: it exists, and ``force`` is not given.
        DiskError: it cannot be written.
    """
    parts = (text,) if isinstance(text, str) else text
    if path.exists() and not path.is_file():
        _write_to(path, parts)
        return
    path = path.resolve() if path.is_symlink() and force else path
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(create(beside), "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            file.writelines(parts)
        try:
            if force:
                beside.replace(path)
            else:
                _rename_new(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except FileExistsError:
        raise ConfigError(f"{path} exists; --force replaces it") from None
    except OSError as error:
        raise DiskError(f"{path}: {describe(error, path)}") from None


def _write_to(path: Path, parts: Iterable[str]) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(parts)
    except OSError as error:
        raise DiskError(f"{path}: {describe(error, path)}") from None


def _rename_new(beside: Path, path: Path) -> None:
    """Renames a file unless the name is taken, also where there are no hard links."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        rename_new(folder, beside.name, path.name)
    finally:
        os.close(folder)
