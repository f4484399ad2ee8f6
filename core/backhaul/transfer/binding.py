"""What a partial file is bound to, and the sidecar that says so."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from backhaul.backoff import parse_date

Marked = tuple[int, int, int]
"""Bytes that were synced to disk: start, end, and their CRC-32."""


_STRONG_ETAG = re.compile(r'"[!#-~]*"')  # of RFC 9110's, those that a sidecar can keep as text
_SETTLED = 60.0  # seconds between a modification and the answer that make Last-Modified strong


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The content that a partial file belongs to: a resume is for this content and no other.

    Attributes:
        etag, modified: the server's validators, where they are strong; see ``of``.
        length: bytes of the whole.
        segments: the file comes in pieces, in any order.
    """

    etag: str | None = None
    modified: str | None = None
    length: int | None = None
    segments: bool = False

    @classmethod
    def of(cls, headers: Mapping[str, str], length: int | None) -> "Binding":
        """What an answer with the whole file binds a part to.

        An ETag is strong unless it is marked as weak. A file that is modified twice within a second
        keeps its Last-Modified, so that counts only when it is a minute older than the answer's own
        Date (RFC 9110, section 8.8.2.2, is content with a second).
        """
        etag, modified = headers.get("etag", ""), headers.get("last-modified", "")
        changed, answered = parse_date(modified), parse_date(headers.get("date"))
        settled = changed is not None and answered is not None and answered - changed >= _SETTLED
        return cls(
            etag=etag if _STRONG_ETAG.fullmatch(etag) else None,
            modified=modified if settled and _is_header(modified) else None,
            length=length,
        )

    @property
    def validator(self) -> str | None:
        """What If-Range is sent with; None: nothing can be resumed."""
        return self.etag or self.modified

    def agrees(self, headers: Mapping[str, str]) -> bool:
        """Whether an answer repeats the validator, and no other contradicts it."""
        etag, modified = headers.get("etag"), headers.get("last-modified")
        if self.etag is None:
            return self.modified is not None and modified == self.modified
        return etag == self.etag and (not self.modified or modified in {None, self.modified})


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
    segments: Any = binding.segments
    return (
        (binding.etag is None or _is_strong(binding.etag))
        and (binding.modified is None or _is_header(binding.modified))
        and (length is None or (type(length) is int and length >= 0))
        and type(segments) is bool
        and not (segments and length is None)
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
