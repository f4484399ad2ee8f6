"""Keys of a job's files in the emulator's storage."""

import re
from datetime import UTC, datetime

from backhaul_gnip_hpt.emulated_archive import Archive
from backhaul_gnip_hpt.links import SLOT

_FILE = re.compile(r".*/(\d{4})/(\d\d)/(\d\d)/(\d\d)/(\d\d)_activities\.json\.gz", re.ASCII)


def prefix(account: str, archive: Archive) -> str:
    """The prefix of all data files of a job; its date is the run's."""
    return f"snapshots/twitter/track/activity_streams/{account}/2014/05/19/{archive.folder}/"


def data(account: str, archive: Archive, mark: datetime) -> str:
    """The key of a slot's file."""
    return prefix(account, archive) + time(mark, "/")


def suspect(account: str, archive: Archive) -> str:
    """The key of the list of suspect minutes."""
    return f"customers/{account}/{archive.folder}/suspectMinutes.json"


def csv_name(archive: Archive, mark: datetime) -> str:
    """First column of results.csv."""
    return f"{archive.folder}_{time(mark, '_')}"


def time(mark: datetime, joint: str) -> str:
    """The slot's part of a key or a name."""
    return f"{mark.strftime(joint.join(('%Y', '%m', '%d', '%H', '%M')))}_activities.json.gz"


def body(archive: Archive, key: str) -> bytes | None:
    """The file with this key; None if its slot is silent or not part of the job."""
    found = _FILE.fullmatch(key)
    if found is None:
        return None
    year, month, day, hour, minute = map(int, found.groups())
    mark = datetime(year, month, day, hour, minute, tzinfo=UTC)
    if (mark - archive.start) % SLOT or not archive.records(mark):
        return None
    return archive.body(mark)
