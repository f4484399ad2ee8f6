"""What a store says about an object."""

from typing import Any, Final, NamedTuple

SHA256: Final = "sha256"
RECORDS: Final = "records"
PROOF: Final = "proof"
CONTENT: Final = "content"
FOOTER: Final = "footer-lines"
_DIGITS: Final = 16  # of a number in metadata


class Stored(NamedTuple):
    """An object.

    Attributes:
        name: relative to the archive or to the job, like the argument of the call.
        size: in bytes.
        etag: the store's version of its content, with its quotes; None if the store has none.
        sha256: hex digest from its metadata; None if unknown, or not asked for.
        records, proof, content, footer_lines: from its metadata, as at its publication.
        modified: seconds since the epoch, by the store's clock.
    """

    name: str
    size: int
    etag: str | None = None
    sha256: str | None = None
    records: int | None = None
    proof: str | None = None
    modified: float = 0.0
    content: str = ""
    footer_lines: int = 0


def stored(name: str, meta: Any, attributes: Any = None) -> Stored:
    """From obstore's metadata and attributes."""
    found = (
        {} if attributes is None else {str(key).lower(): value for key, value in attributes.items()}
    )
    return Stored(
        name,
        meta["size"],
        meta["e_tag"],
        found.get(SHA256),
        _number(found.get(RECORDS, "")),
        found.get(PROOF),
        meta["last_modified"].timestamp(),
        found.get(CONTENT, ""),
        _number(found.get(FOOTER, "")) or 0,
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else None
