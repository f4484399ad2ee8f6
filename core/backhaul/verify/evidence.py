"""What shows that a file is whole, from all sides: its bytes, its listing, the provider's check.

As plain integers, the bits of Proof: an enum's arithmetic takes longer than all the rest.
"""

from backhaul.types import PROVES_END, Content, Proof, RemoteFile

LENGTH = Proof.LENGTH.value
_LISTED_SIZE = Proof.LISTED_SIZE.value
_FOOTER = Proof.FOOTER.value
_COUNT = Proof.COUNT.value
_ENDS = PROVES_END.value

UNPROVEN = (
    "nothing shows where it ends: there is no Content-Length, listed size or checksum, and its format"
    " does not mark the end (set accept_unproven: true to keep such files)"
)


def evidence(file: RemoteFile, content: Content, *, checked: bool) -> int:
    """What shows that a file is whole which nothing contradicts.

    Args:
        file: what is listed.
        content: what the verifier saw.
        checked: the provider has looked at it, and at its footer, if it has one.
    """
    bits = int(content.proof)  # quicker than its ``value``
    if file.size is not None:
        bits |= _LISTED_SIZE
    if checked and file.footer_lines:
        bits |= _FOOTER
    if file.records is not None and file.records == content.records:
        bits |= _COUNT
    return bits


def shows_end(bits: int) -> bool:
    """Whether the evidence shows where the file ends; records that parse do not."""
    return bool(bits & _ENDS)
