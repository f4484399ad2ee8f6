"""Checks the values that hooks return; each check returns the problem, or None.

The fields of a value are checked when it is created, see `backhaul.types`.
"""

from collections.abc import Callable
from typing import Any

from backhaul.types import RemoteFile
from backhaul.verify.digest import missing_package

Check = Callable[[Any], str | None]


def is_a(*kinds: type) -> Check:
    """Returns a check that a value is of one of the kinds."""
    wanted = " or ".join(kind.__name__ for kind in kinds)

    def check(value: object) -> str | None:
        return None if isinstance(value, kinds) else f"gave {_type(value)} instead of a {wanted}"

    return check


_is_a_file = is_a(RemoteFile)


def in_file(file: object) -> str | None:
    """Checks a RemoteFile. Called for each of a million files."""
    if type(file) is RemoteFile and file.checksum is None:
        return None
    if isinstance(file, RemoteFile) and file.checksum is not None:
        missing = missing_package(file.checksum)
        return missing and f"{file.name!r}: {missing}"
    return _is_a_file(file)


def _type(value: object) -> str:
    return f"a {type(value).__name__}" if value is not None else "None"
