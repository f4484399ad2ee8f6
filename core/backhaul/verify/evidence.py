"""Combines the evidence that a file is complete: its bytes, its listing and the provider's check.

Evidence is a plain integer of Proof bits: arithmetic on the enum is much slower.
"""

from backhaul.types import PROVES_END, Content, Proof, RemoteFile, SlotState
from backhaul.verify.fault import bad_records

LENGTH = Proof.LENGTH.value
_LISTED_SIZE = Proof.LISTED_SIZE.value
_FOOTER = Proof.FOOTER.value
_COUNT = Proof.COUNT.value
_ENDS = PROVES_END.value

UNPROVEN = (
    "cannot tell where the file ends: no Content-Length, listed size or checksum, and the format has no"
    " end marker (set accept_unproven: true to keep such files)"
)
# Plain strings: SQLite would look up an adapter for enums.
_VERIFIED, _SUSPECT = SlotState.VERIFIED.value, SlotState.SUSPECT.value


def evidence(file: RemoteFile, content: Content, *, checked: bool) -> int:
    """The evidence that a verified file is complete.

    Args:
        file: the file as listed.
        content: the verifier's result.
        checked: the provider's hook has checked the file, including its footer, if any.
    """
    bits = int(content.proof)  # faster than ``.value``
    if file.size is not None:
        bits |= _LISTED_SIZE
    if checked and file.footer_lines:
        bits |= _FOOTER
    if file.records is not None and file.records == content.records:
        bits |= _COUNT
    return bits


def shows_end(bits: int) -> bool:
    """Whether the evidence shows where the file ends; records alone do not."""
    return bool(bits & _ENDS)


def standing(file: RemoteFile, content: Content) -> tuple[str, str | None]:
    """The file's state and, if some of its records are not JSON, a message."""
    if content.bad_records:
        return _SUSPECT, bad_records(content)
    return _SUSPECT if file.suspect else _VERIFIED, None
