"""Links from the page to an archive's files."""

import os
from pathlib import Path
from urllib.parse import quote

from backhaul.commands import Location


def to_job(page: Path, dest: Location, job: str) -> str:
    """The prefix of links to a job's files: relative to the page, or a store's URL without secrets."""
    folder = dest.folder
    return f"{dest.url}/{quote(job)}" if folder is None else to_folder(page, folder / job)


def to_folder(page: Path, folder: Path) -> str:
    """A folder's path relative to the page, so that both can be moved together."""
    start = Path(os.path.abspath(page)).parent  # noqa: PTH100 - keeps symbolic links, through which the page may be opened
    return quote(os.path.relpath(folder.absolute(), start))


def to_file(place: str, name: str) -> str:
    """The link to a file below such a prefix."""
    return f"{place}/{quote(name)}"
