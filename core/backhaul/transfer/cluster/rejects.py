"""Rejected bytes of workers whose archive is an object store: the driver's machine keeps them.

With a folder that all machines share, a worker keeps them itself.
"""

import logging
import os
from collections.abc import Callable, Collection
from contextlib import closing
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final, Self

from backhaul.oserrors import describe
from backhaul.storage.parts import LocalParts
from backhaul.storage.workspace import Workspace
from backhaul.transfer.context import Keep, Rejects
from backhaul.transfer.unit import Failure, Transfer

log = logging.getLogger(__name__)

_BLOCK: Final = 4 << 20


class SentRejects:
    """Sends rejected bytes of a job to the driver, in blocks; see Rejects.

    Args:
        parts: the worker's parts of the job.
        limit: maximum bytes of a body.
        send: sends a message, once the driver has room for it. Raises OSError.
    """

    def __init__(self, parts: LocalParts, limit: int, send: Callable[..., None]) -> None:
        self._parts = parts
        self._limit = limit
        self._put = send

    def of(self, workspace: Workspace | None) -> Self:
        """The same."""
        del workspace
        return self

    def __call__(self, transfer: Transfer, failure: Failure, own: Collection[str]) -> Keep:
        """Returns a function that sends a transfer's bytes."""
        return partial(self._send, transfer, failure, tuple(own))

    def _send(
        self, transfer: Transfer, failure: Failure, own: tuple[str, ...], data: bytes | None
    ) -> None:
        name = transfer.file.name
        try:
            with self._parts.read_part(name) if data is None else BytesIO(data) as body:
                if body.seek(0, os.SEEK_END) > self._limit:
                    log.info("%s: rejected body not kept: larger than rejected_limit", name)
                    return
                offset = body.seek(0)
                while block := body.read(_BLOCK):
                    self._put("rejected", transfer.job, name, offset, block)
                    offset += len(block)
            self._put("keep", transfer.job, transfer, failure, own, offset)
        except OSError as error:
            log.warning("%s: cannot send the rejected body: %s", name, describe(error))


def write_block(folder: Path, name: str, offset: int, block: bytes) -> None:
    """Adds a block to a rejected body, unless one before it is missing. Raises OSError.

    ``folder``: for what comes from that worker.
    """
    with closing(LocalParts(folder, durable=False)) as parts:
        if offset and parts.part_length(name) != offset:
            return
        fd = parts.open_part(name) if offset else parts.new_part(name)
        with os.fdopen(fd, "wb") as file:
            file.seek(offset)
            file.write(block)


def keep_whole(
    folder: Path,
    rejects: Rejects,
    transfer: Transfer,
    failure: Failure,
    *,
    own: Collection[str],
    size: int,
) -> None:
    """Keeps a rejected body of that size, if all of it was written. Raises OSError."""
    name = transfer.file.name
    with closing(LocalParts(folder, durable=False)) as parts:
        if parts.part_length(name) == size:
            keep = rejects.of(parts)(transfer, failure, own)
            if keep is not None:
                keep(None)
        parts.drop_part(name)
