"""StockTwits Firestream backups: one gzip file of JSON Lines per day and file type.

Protocol facts ("Backups" page of the Firestream portal):

* ``GET {base_url}/backups/{file_type}/{YYYY}/{MM}/{DD}`` with HTTP Basic redirects (302) to a
  temporary link, which takes no credentials. The engine follows it, and requests a new one when it
  expires.
* 400: bad date. 401: bad login. 404: no such file. The bodies are plain text.
* ``GET {base_url}/symbols/backups/{metric}/{YYYY}/{MM}/{DD}`` works the same way. There is no public
  documentation of the metrics or their files, so names are passed through and files are verified by
  gzip alone.
* There is no file list and no status: every day in the range is requested, and a 404 is a gap.
* The page names files ``stocktwits_{file_type}_{YYYY}_{MM}_{DD}.gz``, and so does this provider,
  whatever Content-Disposition says: ``curl -O`` would name every fifth of a month ``05``.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from backhaul import (
    Content,
    Http,
    JobState,
    JobStatus,
    Problem,
    ProviderInfo,
    RemoteFile,
    Request,
    Slots,
    hookimpl,
)
from backhaul_stocktwits_backup.options import DAY, DOCUMENTED, StocktwitsJob, StocktwitsSource

_SYMBOLS = "symbols/"
_EXAMPLE = """\
version: 1
sources:
  firestream:
    provider: stocktwits-backup
    username: ${STOCKTWITS_USERNAME}
    password: ${STOCKTWITS_PASSWORD:?the StockTwits password}
jobs:
  stocktwits-december:
    source: firestream
    file_types: [activity, message]
    from: 2016-12-01              # [from, to), UTC, whole days
    to: 2017-01-01
"""


@hookimpl
def provider() -> ProviderInfo:
    """Describe the provider."""
    return ProviderInfo(
        "StockTwits Firestream backups",
        StocktwitsSource,
        StocktwitsJob,
        series="file_type",
        example=_EXAMPLE,
    )


@hookimpl
def get_status(http: Http, source: StocktwitsSource, job: StocktwitsJob) -> JobStatus:
    """Always ready. One request checks the login before the downloads begin."""
    slots: tuple[Slots, ...] = ()
    if job.over > job.start:
        url = _url(source, next(_kinds(job)), job.start)
        auth = (source.username, source.password)
        http.get(url, auth=auth, allow=(404,), allow_redirects=False).close()
        slots = (Slots(job.start, job.over, every=DAY),)
    return JobStatus(JobState.READY, slots=slots, warnings=tuple(_warnings(job)), bounded=True)


@hookimpl
def resolve_files(job: StocktwitsJob) -> Iterator[RemoteFile]:
    """A file for each past day and file type; fetching it shows whether it exists."""
    day = job.start
    while day < job.over:
        for kind in _kinds(job):
            yield RemoteFile(
                f"stocktwits_{kind.replace('/', '_')}_{day:%Y_%m_%d}.gz",
                start=day,
                end=day + DAY,
                content="gz" if kind.startswith(_SYMBOLS) else "jsonl.gz",
                optional=True,
                meta={"file_type": kind, "day": f"{day:%Y-%m-%d}"},
            )
        day += DAY


@hookimpl
def fetch_file(source: StocktwitsSource, file: RemoteFile) -> Request:
    """The API's own URL, which redirects to a temporary link on each request."""
    day = datetime.strptime(file.meta["day"], "%Y-%m-%d").replace(tzinfo=UTC)
    url = _url(source, file.meta["file_type"], day)
    return Request(url, auth=(source.username, source.password))


@hookimpl
def check_file(content: Content) -> list[Problem]:
    """Check that the last line is a JSON object, as every line must be."""
    if not content.last:
        return []
    try:
        is_object = isinstance(json.loads(content.last), dict)
    except (ValueError, RecursionError):
        is_object = False
    return [] if is_object else [Problem("the last line is not a JSON object")]


def _kinds(job: StocktwitsJob) -> Iterator[str]:
    """The file types, and each metric as ``symbols/METRIC``."""
    yield from job.file_types
    for metric in job.metrics:
        yield f"{_SYMBOLS}{metric}"


def _url(source: StocktwitsSource, kind: str, day: datetime) -> str:
    place = "symbols/backups" if kind.startswith(_SYMBOLS) else "backups"
    return f"{source.base_url}/{place}/{kind.removeprefix(_SYMBOLS)}/{day:%Y/%m/%d}"


def _warnings(job: StocktwitsJob) -> Iterator[str]:
    left = (job.end - job.over) // timedelta(days=1)
    if left:
        yield (
            f"skipping {left} day{'s' if left > 1 else ''} from {job.over:%Y-%m-%d} on, which "
            f"{'are' if left > 1 else 'is'} not over yet; a later run fetches them"
        )
    for file_type in job.file_types:
        if file_type not in DOCUMENTED:
            yield (
                f"unknown file type {file_type} (documented: "
                f"{' and '.join(DOCUMENTED)}); requesting it anyway"
            )
    for metric in job.metrics:
        yield f"symbol metrics are undocumented; requesting {metric} as given"
