"""Parse signed links: the file's name, its slot, and when the link expires.

A link's path is ``{root}/{account}/{run date}/{from8}-{to8}_{uuid}/{YYYY}/{MM}/{DD}/{HH}/{MM}_activities.json.gz``
below a bucket in the path or the host name. Account, root folders and their number vary, so parsing
starts at the ``{from8}-{to8}_{uuid}`` folder and never counts from the left. The name equals the
first column of results.csv, as shown in the HPT article.
"""

import re
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from hashlib import sha256

SLOT = timedelta(minutes=10)

_JOB = r"(?P<period>\d{8}-\d{8})_(?P<uuid>[A-Za-z0-9]+"
_FOLDER = re.compile(rf".*/{_JOB})/(?P<rest>[A-Za-z0-9._/-]+)", re.ASCII)
_REST = re.compile(r"(\d{4})/(\d\d)/(\d\d)/(\d\d)/(\d\d)_activities\.json\.gz", re.ASCII)
_FLAT = re.compile(
    rf"(?:.*/)?{_JOB}?)_?(\d{{4}})(?P<gap>_?)(\d\d)(?P=gap)(\d\d)(?P=gap)(\d\d)(?P=gap)(\d\d)_activities\.json\.gz",
    re.ASCII,
)
_PATH = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://(?P<host>[^/?#]*))?(?P<path>[^?#]*)", re.ASCII)
_EXPIRES = re.compile(r"[?&]Expires=(\d{1,11})(?:&|#|$)", re.ASCII)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_LONGEST_TAIL = 100


@dataclass(frozen=True, slots=True)
class FileName:
    """A file's name, its aliases, and the ten minutes it covers.

    Attributes:
        name: ``{from8}-{to8}_{uuid}_{YYYY}_{MM}_{DD}_{HH}_{MM}_activities.json.gz``.
        aliases: ``{from8}-{to8}_{uuid}{YYYYMMDDHHMM}_activities.json.gz`` of the HPT article's
            "File-naming Conventions", and the common clients' ``{uuid}_{YYYY}_..`` spelling.
        start: the slot's start, a multiple of ten minutes; None if the name has no time.
    """

    name: str
    aliases: tuple[str, ...] = ()
    start: datetime | None = None

    @property
    def end(self) -> datetime | None:
        """The slot's end, exclusive."""
        return None if self.start is None else self.start + SLOT


def place_of(url: str) -> tuple[str, str]:
    """The file a link points to: its path and host, not decoded; the query only holds the signature."""
    match = _PATH.match(url)
    return (match["path"], match["host"] or "") if match else ("", "")


def quick_name(path: str) -> str | None:
    """The name that ``read_path`` returns, for links in the usual form; None for others."""
    folder = _FOLDER.fullmatch(path)
    if folder is None:
        return None
    return f"{folder['period']}_{folder['uuid']}_{folder['rest'].replace('/', '_')}"


def read_path(path: str) -> FileName | None:
    """The file for a link's path or a name in a known form; None for unknown forms."""
    if folder := _FOLDER.fullmatch(path):
        period, uuid, rest = folder["period"], folder["uuid"], folder["rest"]
        if window := _REST.fullmatch(rest):
            return _named(period, uuid, *window.groups())
        return FileName(f"{period}_{uuid}_{rest.replace('/', '_')}")
    if flat := _FLAT.fullmatch(path):
        period, uuid, year, _, month, day, hour, minute = flat.groups()
        return _named(period, uuid, year, month, day, hour, minute)
    return None


def fallback(path: str, start: datetime | None = None) -> FileName:
    """A safe, stable name for a path in an unknown form; different paths get different names.

    ``start`` is the start of its slot, for a path in a known form whose name is taken.
    """
    digest = sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    tail = _UNSAFE.sub("_", path).strip("._")[-_LONGEST_TAIL:]
    return FileName(f"link_{digest}_{tail}", start=start)


def expires(url: str) -> datetime | None:
    """When the link expires: the signature's ``Expires``, a Unix time."""
    match = _EXPIRES.search(url)
    return datetime.fromtimestamp(int(match[1]), UTC) if match else None


def _named(period: str, uuid: str, *time: str) -> FileName:
    job, tail = f"{period}_{uuid}", "activities.json.gz"
    year, month, day, hour, minute = map(int, time)
    try:
        start = datetime(year, month, day, hour, minute - minute % 10, tzinfo=UTC)
    except ValueError:
        start = None
    if year >= MAXYEAR:  # the end of its last slot is not representable
        start = None
    spaced = "_".join(time)
    return FileName(
        f"{job}_{spaced}_{tail}", (f"{job}{''.join(time)}_{tail}", f"{uuid}_{spaced}_{tail}"), start
    )
