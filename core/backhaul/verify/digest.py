"""Digests of a file's stored bytes, and the provider's checksum that they must agree with."""

import hashlib
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from backhaul.errors import ConfigError, FailureKind
from backhaul.verify.fault import VerifyFault

HEX_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128, "crc32c": 8}
"""The kinds of checksum, and how many hex digits each has."""

_NEEDS_CRC32C = "a checksum of kind crc32c needs google-crc32c: pip install 'backhaul[crc32c]'"


class Digest(Protocol):
    """A digest of bytes that come in pieces."""

    def update(self, data: bytes, /) -> None:
        """Takes the next piece."""

    def hexdigest(self) -> str:
        """The digest of all so far, in lower case."""
        ...


class _Crc32c:
    def __init__(self) -> None:
        self._sum: Any = import_module("google_crc32c").Checksum()  # an extra

    def update(self, data: bytes, /) -> None:
        self._sum.update(data)

    def hexdigest(self) -> str:
        found: bytes = self._sum.digest()
        return found.hex()


def missing_package(checksum: str) -> str | None:
    """What to install before the checksum can be computed; None when nothing is missing."""
    return None if _kind(checksum) != "crc32c" or _has_crc32c() else _NEEDS_CRC32C


def second_digest(checksum: str | None) -> Digest | None:
    """What computes the checksum beside sha256, which every file gets; None when it is one.

    Raises ConfigError when a package is missing, VerifyFault for an unknown kind.
    """
    if checksum is None or (kind := _kind(checksum)) == "sha256":
        return None
    if kind not in HEX_DIGITS:
        raise VerifyFault(FailureKind.CORRUPT, f"has a checksum of unknown kind {kind!r}")
    missing = missing_package(checksum)
    if missing is not None:
        raise ConfigError(missing)
    return _Crc32c() if kind == "crc32c" else hashlib.new(kind, usedforsecurity=False)


def check_sum(checksum: str, *, sha256: str, other: Digest | None) -> None:
    """Compares the provider's checksum with what was computed. Raises VerifyFault.

    Args:
        checksum: ``KIND:HEX``, as in ``RemoteFile.checksum``.
        sha256: of all bytes.
        other: what ``second_digest`` gave, fed with all bytes.
    """
    kind, _, wanted = checksum.partition(":")
    seen = sha256 if other is None else other.hexdigest()
    if seen != wanted.strip().lower():
        raise VerifyFault(FailureKind.CORRUPT, f"{kind} is {seen}, the provider says {wanted}")


@cache
def _has_crc32c() -> bool:
    return find_spec("google_crc32c") is not None


def _kind(checksum: str) -> str:
    return checksum.partition(":")[0].lower()
