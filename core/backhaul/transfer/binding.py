"""Binds a partial file to its content; reads and writes the sidecar that stores the binding."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from backhaul.backoff import parse_date
from backhaul.transfer.header_digests import header_digest
from backhaul.verify.digest import can_check

Marked = tuple[int, int, int]
"""A span synced to disk: start, end and CRC-32."""


_STRONG_ETAG = re.compile(r'"[!#-~]*"')  # RFC 9110, limited to characters a sidecar can store
_SETTLED = 60.0  # seconds from modification to response that make Last-Modified strong


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The content that a partial file belongs to; only that content may be resumed.

    Attributes:
        etag, modified: the server's validators, if strong; see ``of``.
        length: total size in bytes.
        segments: the file is received in segments, in any order.
        digest: of the bytes, as ``KIND:HEX``, from the response's headers.
    """

    etag: str | None = None
    modified: str | None = None
    length: int | None = None
    segments: bool = False
    digest: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str], length: int | None) -> "Binding":
        """The binding from the headers of a complete response.

        An ETag is strong unless marked as weak. A file modified twice within a second keeps its
        Last-Modified, so that counts only if it is a minute older than the response's Date (RFC 9110,
        section 8.8.2.2, accepts one second).
        """
        etag, modified = headers.get("etag", ""), headers.get("last-modified", "")
        changed, answered = parse_date(modified), parse_date(headers.get("date"))
        settled = changed is not None and answered is not None and answered - changed >= _SETTLED
        return cls(
            etag=etag if _STRONG_ETAG.fullmatch(etag) else None,
            modified=modified if settled and _is_header(modified) else None,
            length=length,
            digest=header_digest(headers),
        )

    @property
    def validator(self) -> str | None:
        """The validator for If-Range; None: the file cannot be resumed."""
        return self.etag or self.modified

    def agrees(self, headers: Mapping[str, str]) -> bool:
        """Whether a response repeats the validator and contradicts no other."""
        etag, modified = headers.get("etag"), headers.get("last-modified")
        if self.etag is None:
            return self.modified is not None and modified == self.modified
        return etag == self.etag and (not self.modified or modified in {None, self.modified})


def dump(binding: Binding, spans: Sequence[Marked]) -> bytes:
    """Serializes the binding and the durable spans of the part."""
    return json.dumps({**asdict(binding), "spans": spans}).encode()


def load(data: bytes | None) -> tuple[Binding, list[Marked]] | None:
    """Parses a sidecar; None if it is missing, damaged or from before checksums."""
    try:
        found = json.loads(data or b"")
        spans = [(start, end, crc) for start, end, crc in found.pop("spans")]
        binding = Binding(**found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (binding, spans) if _is_sane(binding) and _are_sane(spans, binding) else None


def _is_sane(binding: Binding) -> bool:
    """Whether all values are such as ``dump`` writes."""
    length: Any = binding.length
    segments: Any = binding.segments
    return (
        (binding.etag is None or _is_strong(binding.etag))
        and (binding.modified is None or _is_header(binding.modified))
        and (length is None or (type(length) is int and length >= 0))
        and type(segments) is bool
        and not (segments and length is None)
        and (binding.digest is None or can_check(binding.digest))
    )


def _are_sane(spans: Sequence[Marked], binding: Binding) -> bool:
    if not all(type(number) is int and number >= 0 for span in spans for number in span):
        return False
    if not binding.segments and (len(spans) > 1 or any(start for start, _, _ in spans)):
        return False
    ordered = all(before[0] <= after[0] for before, after in pairwise(spans))
    return ordered and all(
        start < end and (binding.length is None or end <= binding.length) for start, end, _ in spans
    )


def _is_strong(text: object) -> bool:
    return isinstance(text, str) and _STRONG_ETAG.fullmatch(text) is not None


def _is_header(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable()
