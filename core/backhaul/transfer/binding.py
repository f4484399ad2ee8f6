"""What a partial file is bound to, and the sidecar that says so."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from backhaul.frozen import dataclass

Marked = tuple[int, int, int]
"""Bytes that were synced to disk: start, end, and their CRC-32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The content that a partial file belongs to: a resume is for this content and no other.

    Attributes:
        etag, modified: the server's validators.
        length: bytes of the whole.
        pieces: the file comes in pieces, in any order.
    """

    etag: str | None = None
    modified: str | None = None
    length: int | None = None
    pieces: bool = False

    @property
    def validator(self) -> str | None:
        """What If-Range is sent with; weak ETags do not do (RFC 9110, section 13.1.5)."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return self.modified

    def agrees(self, headers: Mapping[str, str]) -> bool:
        """Whether an answer's validators, as far as it has them, are those of the content."""
        etag = headers.get("etag")
        modified = headers.get("last-modified")
        return not (
            (self.etag and etag and self.etag != etag)
            or (self.modified and modified and self.modified != modified)
        )


def dump(binding: Binding, spans: Sequence[Marked]) -> bytes:
    """A sidecar: the binding, and the spans of the part that are durable."""
    return json.dumps({**asdict(binding), "spans": spans}).encode()


def load(data: bytes | None) -> tuple[Binding, list[Marked]] | None:
    """What a sidecar says; None when it is missing, damaged or older than the checksums."""
    try:
        found = json.loads(data or b"")
        spans = [(start, end, crc) for start, end, crc in found.pop("spans")]
        binding = Binding(**found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (binding, spans) if _is_sane(binding) and _are_sane(spans, binding) else None


def _is_sane(binding: Binding) -> bool:
    """Whether all values are ones that ``dump`` writes."""
    length: Any = binding.length
    pieces: Any = binding.pieces
    return (
        all(text is None or _is_header(text) for text in (binding.etag, binding.modified))
        and (length is None or (type(length) is int and length >= 0))
        and type(pieces) is bool
        and not (pieces and length is None)
    )


def _are_sane(spans: Sequence[Marked], binding: Binding) -> bool:
    if not all(type(number) is int and number >= 0 for span in spans for number in span):
        return False
    if not binding.pieces and (len(spans) > 1 or any(start for start, _, _ in spans)):
        return False
    ordered = all(before[0] <= after[0] for before, after in pairwise(spans))
    return ordered and all(
        start < end and (binding.length is None or end <= binding.length) for start, end, _ in spans
    )


def _is_header(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable()
