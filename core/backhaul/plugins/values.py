"""Whether what a hook gave back is of its contract: each check returns what is wrong, or None.

What a value's fields may hold is checked where it is made, see `backhaul.types`.
"""

from collections.abc import Callable
from typing import Any

from backhaul.types import RemoteFile
from backhaul.verify.digest import missing_package

Check = Callable[[Any], str | None]


def is_a(*kinds: type) -> Check:
    """What looks whether a value is of one of the kinds."""
    wanted = " or ".join(kind.__name__ for kind in kinds)

    def check(value: object) -> str | None:
        return None if isinstance(value, kinds) else f"gave {_type(value)} instead of a {wanted}"

    return check


_is_a_file = is_a(RemoteFile)


def in_file(file: object) -> str | None:
    """Of a RemoteFile. Called for each of a million files."""
    if isinstance(file, RemoteFile) and file.checksum is not None:
        missing = missing_package(file.checksum)
        return missing and f"{file.name!r}: {missing}"
    return _is_a_file(file)


def _type(value: object) -> str:
    return f"a {type(value).__name__}" if value is not None else "None"
