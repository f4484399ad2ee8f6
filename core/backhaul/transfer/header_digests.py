"""Reads a file's digest from the headers of its response.

* ``Repr-Digest`` (RFC 9530) and ``Digest`` (RFC 3230) are of the whole file, even in a 206. ``Content-Digest``
  is of the bytes of one response and is not used.
* ``x-goog-hash`` is of the object as stored. If Google Cloud Storage has decompressed it, as
  ``x-goog-stored-content-encoding`` then shows, it is not a digest of what was sent.
* ``x-amz-checksum-*`` of an object that was uploaded in parts may be a checksum of the parts' checksums, with
  followed by the number of parts.
* An ETag is not a digest: those of encrypted objects only look like one.

All are of the bytes sent: if a content coding is removed, they prove nothing about the file.
"""

import logging
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator, Mapping

from backhaul.checks import HEX_DIGITS
from backhaul.foreign import line
from backhaul.verify.digest import missing_package

log = logging.getLogger(__name__)

# The best first: sha256 is computed for every file anyway.
_PREFERRED = ("sha256", "sha512", "sha1", "md5", "crc32c")
_ALGORITHMS = {"sha-256": "sha256", "sha-512": "sha512", "sha": "sha1", "md5": "md5"}
_GOOGLE = {"md5": "md5", "crc32c": "crc32c"}
_AMAZON = {f"x-amz-checksum-{kind}": kind for kind in ("sha256", "sha1", "crc32c")}

_Value = tuple[str, str, str]  # header, kind, base64


def header_digest(headers: Mapping[str, str]) -> str | None:
    """The best digest of the bytes sent, as ``KIND:HEX``; None if there is none that can be checked.

    Unknown algorithms and malformed values are ignored and logged.

    Args:
        headers: by lower-case name, of a response with a whole file.
    """
    found: dict[str, str] = {}
    for header, kind, text in _values(headers):
        try:
            digest = b64decode(text, validate=True).hex()
        except (Error, ValueError):
            digest = ""
        if len(digest) != HEX_DIGITS[kind]:
            _ignore(header, f"malformed {kind} {text}")
        elif (missing := missing_package(kind)) is not None:
            _ignore(header, missing)
        else:
            found.setdefault(kind, digest)
    return next((f"{kind}:{found[kind]}" for kind in _PREFERRED if kind in found), None)


def _values(headers: Mapping[str, str]) -> Iterator[_Value]:
    for header in ("repr-digest", "digest"):
        yield from _listed(headers, header, _ALGORITHMS)
    if headers.get("x-amz-checksum-type", "").upper() != "COMPOSITE":
        for header, kind in _AMAZON.items():
            text = headers.get(header, "")
            if "-" in text:
                _ignore(header, f"of the parts' checksums: {text}")
            elif text:
                yield header, kind, text
    if _is_as_stored(headers):
        yield from _listed(headers, "x-goog-hash", _GOOGLE)
    if "content-md5" in headers:
        yield "content-md5", "md5", headers["content-md5"]


def _listed(
    headers: Mapping[str, str], header: str, algorithms: Mapping[str, str]
) -> Iterator[_Value]:
    """The values of a header such as ``sha-256=...,md5=...``."""
    for item in headers.get(header, "").split(","):
        name, _, text = item.strip().partition("=")
        kind = algorithms.get(name.lower())
        if kind is None:
            if name:
                _ignore(header, f"unknown algorithm {name}")
        elif header == "repr-digest":
            yield header, kind, _byte_sequence(text)
        else:
            yield header, kind, text


def _byte_sequence(text: str) -> str:
    """The text between the colons of ``:BASE64:;PARAMETERS`` (RFC 8941); text that is not base64 if malformed."""
    sequence = text.partition(";")[0].rstrip()
    is_one = len(sequence) > 1 and sequence[0] == ":" == sequence[-1]
    return sequence[1:-1] if is_one else f"{sequence} without colons"


def _is_as_stored(headers: Mapping[str, str]) -> bool:
    stored = headers.get("x-goog-stored-content-encoding", "identity").lower()
    return stored == headers.get("content-encoding", "identity").lower()


def _ignore(header: str, why: str) -> None:
    log.debug("the response's %s is ignored: %s", header, line(why, limit=120))
