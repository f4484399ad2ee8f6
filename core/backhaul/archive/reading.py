"""A file that is on disk, read from its first byte to its last."""

import os

from backhaul.storage.folder import JobFolder
from backhaul.types import Content, RemoteFile
from backhaul.verify.fault import DamagedLines
from backhaul.verify.verifier import Limits, Verifier

_BLOCK = 1 << 20


def verify_file(
    folder: JobFolder,
    name: str,
    file: RemoteFile,
    limits: Limits,
    *,
    doubtful: bool = False,
    kept: bool = False,
) -> Content:
    """Reads a published file from end to end. Raises VerifyFault, OSError.

    Args:
        folder: the job's folder.
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
    fd = folder.open(name)
    try:
        while block := os.read(fd, _BLOCK):
            verifier.feed(block)
    finally:
        os.close(fd)
    content = verifier.finish()
    if doubtful and content.bad_records:
        raise DamagedLines(content)
    return content
