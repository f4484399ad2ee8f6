"""A file that is on disk, read from its first byte to its last."""

from collections.abc import Callable
from typing import BinaryIO

from backhaul.types import Content, RemoteFile
from backhaul.verify.fault import DamagedLines
from backhaul.verify.verifier import Limits, Verifier

_BLOCK = 1 << 20


def verify_file(
    opened: Callable[[str], BinaryIO],
    name: str,
    file: RemoteFile,
    limits: Limits,
    *,
    doubtful: bool = False,
    kept: bool = False,
) -> Content:
    """Reads a file that is here from end to end. Raises VerifyFault, OSError.

    Args:
        opened: opens it, such as ``Destination.open``.
        name: where the file lies.
        file: what it should be.
        limits: bounds for gzip.
        doubtful: it came damaged and was kept: DamagedLines is raised while it has bad records.
        kept: it cannot be had again: Content says how many of its records are bad, and that is all.
    """
    verifier = Verifier(
        file.content,
        footer_lines=file.footer_lines,
        checksum=file.checksum,
        limits=limits,
        kept=kept or doubtful,
    )
    with opened(name) as stored:
        while block := stored.read(_BLOCK):
            verifier.feed(block)
    content = verifier.finish()
    if doubtful and content.bad_records:
        raise DamagedLines(content)
    return content
