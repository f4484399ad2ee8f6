"""Digests of a file's stored bytes, compared with the provider's checksum."""

import hashlib
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from string import hexdigits
from typing import Any, Protocol

from backhaul.checks import HEX_DIGITS
from backhaul.errors import ConfigError, FailureKind
from backhaul.extras import how_to_install
from backhaul.verify.fault import VerifyFault


class Digest(Protocol):
    """An incremental digest, like those of hashlib."""

    def update(self, data: bytes, /) -> None:
        """Adds a chunk."""

    def hexdigest(self) -> str:
        """The digest so far, in lower case."""
        ...


class _Crc32c:
    def __init__(self) -> None:
        self._sum: Any = import_module("google_crc32c").Checksum()  # optional dependency

    def update(self, data: bytes, /) -> None:
        self._sum.update(data)

    def hexdigest(self) -> str:
        found: bytes = self._sum.digest()
        return found.hex()


def missing_package(checksum: str) -> str | None:
    """How to install the package that the checksum needs; None if nothing is missing."""
    if _kind(checksum) != "crc32c" or _has_crc32c():
        return None
    return f"crc32c checksums need google-crc32c: {how_to_install('crc32c')}"


def can_check(checksum: object) -> bool:
    """Whether a value read from a file is a checksum that can be compared here."""
    if type(checksum) is not str:
        return False
    kind, _, digest = checksum.partition(":")
    shape = len(digest) == HEX_DIGITS.get(kind) and all(char in hexdigits for char in digest)
    return shape and missing_package(checksum) is None


def second_digest(checksum: str | None) -> Digest | None:
    """The digest to compute in addition to sha256; None if none is needed.

    Raises ConfigError if a package is missing and VerifyFault for an unknown kind.
    """
    if checksum is None or (kind := _kind(checksum)) == "sha256":
        return None
    if kind not in HEX_DIGITS:
        raise VerifyFault(FailureKind.CORRUPT, f"unknown checksum kind {kind!r}")
    missing = missing_package(checksum)
    if missing is not None:
        raise ConfigError(missing)
    return _Crc32c() if kind == "crc32c" else hashlib.new(kind, usedforsecurity=False)


def check_sum(checksum: str, *, sha256: str, other: Digest | None) -> None:
    """Compares the provider's checksum with the computed one. Raises VerifyFault.

    Args:
        checksum: ``KIND:HEX``, as in ``RemoteFile.checksum``.
        sha256: digest of the whole file.
        other: the digest from ``second_digest``, fed with the whole file.
    """
    kind, _, wanted = checksum.partition(":")
    seen = sha256 if other is None else other.hexdigest()
    if seen != wanted.strip().lower():
        raise VerifyFault(FailureKind.CORRUPT, f"{kind} is {seen}, expected {wanted}")


@cache
def _has_crc32c() -> bool:
    return find_spec("google_crc32c") is not None


def _kind(checksum: str) -> str:
    return checksum.partition(":")[0].lower()
