"""The parts of a job on workers on other machines: on a file system that all machines share.

Each worker has its own folder for each job, so no two processes ever write the same part.
"""

import os
import shutil
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from backhaul.storage.location import Location
from backhaul.storage.opening import create
from backhaul.storage.parts import LocalParts
from backhaul.storage.workspace import Workspace

_FOLDER: Final = "cluster"
_ENDED: Final = "ended"


def away_folder(dest: Location, job: str, session: str = "") -> Path:
    """The folder of a worker's parts of one job; without a session, the folder of all workers."""
    return dest.workspace / _FOLDER / job / session


def mark_ended(folder: Path) -> None:
    """Records that the worker writes nothing more, so its parts can be resumed. Raises OSError."""
    os.close(create(folder / _ENDED))


def recover(dest: Location, job: str, parts: Workspace, *, ended: bool = False) -> None:
    """Takes over the parts that workers of an earlier run have left, and removes their folders.

    Only parts of workers that have ended are kept: another one may still be writing. The caller
    must hold the job's lock. Of a store's workers there are only rejected bodies that have not arrived
    completely. Raises OSError.

    Args:
        dest: the archive.
        job: the job's name.
        parts: its workspace.
        ended: whether to leave the folders of workers that have not ended alone.
    """
    above = away_folder(dest, job)
    if not isinstance(parts, LocalParts) or not above.is_dir():
        return
    for folder in above.iterdir():
        if (folder / _ENDED).exists():
            with closing(LocalParts(folder, durable=False)) as left:
                for name in [name for name, bound in left.parts() if bound]:
                    if parts.part_length(name) is None:
                        with suppress(FileNotFoundError):
                            parts.take_over(name, left, bound=True)
        elif ended:
            continue
        shutil.rmtree(folder, ignore_errors=True)  # another process may still be writing there
    for each in (above, above.parent):
        with suppress(OSError):  # not empty
            each.rmdir()
