"""Verifies a file on disk by reading all of it."""

from collections.abc import Callable
from typing import BinaryIO

from backhaul.stopping import Stopped, never, raise_if_stopped
from backhaul.types import Content, RemoteFile
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.fault import DamagedLines
from backhaul.verify.verifier import Verifier

_BLOCK = 1 << 20


def verify_file(
    opened: Callable[[str], BinaryIO],
    name: str,
    file: RemoteFile,
    limits: ContentLimits,
    *,
    doubtful: bool = False,
    kept: bool = False,
    stopped: Stopped = never,
) -> Content:
    """Reads and verifies a whole file. Raises VerifyFault, OSError, InterruptedRunError.

    Args:
        opened: opens it, such as ``Destination.open``.
        name: the name on disk.
        file: the expected file.
        limits: decompression limits.
        doubtful: it arrived damaged and was kept: raise DamagedLines while it has bad records.
        kept: it cannot be fetched again: only count bad records in Content.
        stopped: whether to end.
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
            raise_if_stopped(stopped)
            verifier.feed(block)
    content = verifier.finish()
    if doubtful and content.bad_records:
        raise DamagedLines(content)
    return content
