"""A file that is on disk already, though the ledger does not know it: proven, not fetched."""

import os

from backhaul.storage.folder import JobFolder
from backhaul.types import Content, RemoteFile
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Limits, Verifier

_BLOCK = 1 << 20


def verify_file(
    folder: JobFolder, name: str, file: RemoteFile, limits: Limits, *, doubtful: bool = False
) -> Content:
    """Reads a published file from end to end. Raises VerifyFault, OSError.

    Args:
        folder: the job's folder.
        name: where the file lies.
        file: what it should be.
        limits: bounds for gzip.
        doubtful: it came damaged before: also look whether its lines are JSON.
    """
    verifier = Verifier(
        file.content,
        footer_lines=file.footer_lines,
        checksum=file.checksum,
        limits=limits,
        doubtful=doubtful,
    )
    fd = folder.open(name)
    try:
        while block := os.read(fd, _BLOCK):
            verifier.feed(block)
    finally:
        os.close(fd)
    return verifier.finish()


def adoptable(
    folder: JobFolder, name: str, file: RemoteFile, limits: Limits, *, doubtful: bool = False
) -> Content | None:
    """What the verifier saw of a file on disk; None when it is not whole and must be fetched."""
    try:
        content = verify_file(folder, name, file, limits, doubtful=doubtful)
    except (VerifyFault, OSError):
        return None
    return content if file.size in {None, content.size} else None
