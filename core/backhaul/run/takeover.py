"""Pieces of a queue that are here though the ledger does not know how far the queue was drained.

So it is when the ledger is gone or was made anew from the files. A queue gives what it holds once:
to drain it from what it calls its beginning would write over pieces, or bring some of them twice.
So nothing more is fetched, unless the provider's own count says that nothing is lacking.
"""

import logging
from typing import TYPE_CHECKING

from backhaul.errors import FailureKind
from backhaul.ledger.rows import FileRow
from backhaul.run.adopt import verify_file
from backhaul.run.standing import HERE
from backhaul.run.streams import is_piece
from backhaul.run.task import Task
from backhaul.storage.folder import JobFolder
from backhaul.types import Content, RemoteFile
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Limits

if TYPE_CHECKING:
    from backhaul.run.driver import Driver

log = logging.getLogger(__name__)


def take_over(driver: "Driver", task: Task, file: RemoteFile) -> bool:
    """Enters the pieces that are here; says whether they are all that the provider counts.

    False when there are none: the queue is drained from its beginning. On the stream's thread.

    Raises:
        VerifyFault: there are some, and whether more is to come cannot be told.
        OSError: the folder cannot be read.
    """
    folder = task.folder
    assert folder is not None  # noqa: S101 - begin_job has opened it
    if file.split is None or folder.was_empty:
        return False
    names = sorted(name for name in folder.beside(file.name) if is_piece(file, name))
    if not names:
        return False
    for name in names:
        folder.settle(name)
    known = driver.call(lambda: driver.streams.known(task, names))
    whole, records = True, 0
    for name in names:
        content = _content(folder, name, file, known.get(name), driver.limits)
        whole = whole and content is not None
        records += content.records or 0 if content is not None else 0
        driver.call(
            lambda name=name, content=content: driver.streams.took_over(  # type: ignore[misc]  # mypy does not infer lambdas with defaults
                task, file, name, content
            )
        )
    if whole and records == file.records:
        return True
    counts = (
        f"; they hold {records:,} records, and the provider counts {file.records:,}"
        if file.records is not None
        else ""
    )
    raise VerifyFault(
        FailureKind.LOST,
        f"{len(names):,} pieces of it are here, but the ledger that knew how far its queue was"
        f" drained is gone or was made anew{counts}: nothing more"
        " is fetched, so that nothing comes twice; put the ledger or the missing pieces back from a"
        " copy, or drain what is left as a job of another name",
    )


def _content(
    folder: JobFolder, name: str, file: RemoteFile, row: FileRow | None, limits: Limits
) -> Content | None:
    """What a piece holds, as the ledger has it or by reading it; None when it is not whole."""
    here = row is not None and row.state in HERE and row.sha256 is not None
    if here and row is not None and folder.size(name) == row.size:
        return Content(
            size=row.size or 0, sha256=row.sha256 or "", records=row.records or 0, last=b""
        )
    try:
        return verify_file(folder, name, file, limits, doubtful=True)
    except VerifyFault as fault:
        log.warning("%s: %s", name, fault)
        return None
