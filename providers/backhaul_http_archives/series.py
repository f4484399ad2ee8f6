"""http-series: dated archives whose addresses follow from the time.

Nothing lists what there is: each slot that is due is asked for, and what the server says is missing is
a gap. So the answers are all there is to go by:

* 404 and 410 mostly; 403 where a bucket may not be listed, which is also what wrong credentials give.
* Hours may be missing for good in the middle (GH Archive), and everything before an archive or a symbol
  began. Many in a row after that are an outage or a moved address rather than gaps.
* A slot may come late (``lag``), later still (``recheck``), and be gone after a while (``retention``).
* Archives ask for a pace and for a contact in the user agent (SEC, Wikimedia).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from backhaul import Http, JobState, JobStatus, ProviderInfo, RemoteFile, Request, hookimpl
from backhaul_http_archives import examples
from backhaul_http_archives.adopting import other_names
from backhaul_http_archives.auth import credentials
from backhaul_http_archives.beside import beside_url
from backhaul_http_archives.contents import content_of
from backhaul_http_archives.keys import basename, path_of
from backhaul_http_archives.series_options import SeriesJob, SeriesSource
from backhaul_http_archives.values import SERIES, combinations, in_url, label
from backhaul_http_archives.windows import Window

# A HEAD that the server refuses for another reason than its credentials says nothing of the files.
_NOT_OF_CREDENTIALS = frozenset(range(400, 600)) - {401, 407, 429, 503}


@hookimpl
def provider() -> ProviderInfo:
    """Describes the provider."""
    return ProviderInfo(
        "A dated archive over HTTP whose addresses follow from the time",
        SeriesSource,
        SeriesJob,
        series=SERIES,
        example=examples.SERIES,
    )


@hookimpl
def get_status(http: Http, source: SeriesSource, job: SeriesJob) -> JobStatus:
    """Always ready. One call finds a wrong login before each file does."""
    now = datetime.now(UTC)
    window = job.window(source, now)
    if source.auth is not None and window.first < window.due:
        texts = next(combinations(job.values))
        url = source.url.bind(in_url(texts)).fill(window.first, source.every.after(window.first))
        auth, headers = credentials(http, source.auth, source.contact)
        allow = _NOT_OF_CREDENTIALS
        http.head(url, auth=auth, headers=headers, allow=allow, allow_redirects=False)
    return JobStatus(
        JobState.READY,
        message=_message(window),
        slots=window.runs(source.lag),
        warnings=tuple(_warnings(source, job, window, now)),
        identity={"url": path_of(source.url)},
        missing_run=source.missing_run,
        bounded=True,
    )


@hookimpl
def resolve_files(source: SeriesSource, job: SeriesJob) -> Iterator[RemoteFile]:
    """Each slot that is due, the oldest first: it is the first to be deleted."""
    now = datetime.now(UTC)
    settled = now - source.lag - source.recheck  # what ended before is not asked for again
    series = []
    for texts in combinations(job.values):
        url, name = source.url.bind(in_url(texts)), source.name.bind(texts)
        series.append((url, name, {SERIES: label(texts)} if texts else {}, texts))
    last = source.url.tail if source.name.text.endswith("{basename}") else source.name.tail
    ending = last.rpartition("/")[2]
    content = source.content or (content_of(ending) if ending.count(".") > 1 else None)
    beside = None if source.checksum is None else source.checksum.beside
    plain = source.name.text == "{basename}"
    told = "basename" in source.name.texts
    for start, end in job.window(source, now).slots():
        for url, name, meta, texts in series:
            address = url.fill(start, end)
            named = basename(address) if told else ""
            if not plain:
                named = name.fill(start, end, {"basename": named})
            file = RemoteFile(
                named,
                address,
                start=start,
                end=end,
                content=content or content_of(named),
                optional=True,
                recheck=end > settled,
                checksum_url=beside_url(beside, address),
                meta=meta,
            )
            if job.adopt:
                path = unquote(urlsplit(address).path)
                file.aliases = other_names(job.adopt, file, path, texts, now)
            yield file


@hookimpl
def fetch_file(http: Http, source: SeriesSource, file: RemoteFile) -> Request:
    """The address, with what the archive wants to see of who asks."""
    auth, headers = credentials(http, source.auth, source.contact)
    return Request(file.url or "", auth=auth, headers=headers, missing=frozenset(source.missing))


def _message(window: Window) -> str:
    due = window.count(window.first, window.due)
    pending = window.count(window.due, window.until)
    slots = "1 slot is due" if due == 1 else f"{due:,} slots are due"
    return f"{slots}, {pending:,} pending"


def _warnings(source: SeriesSource, job: SeriesJob, window: Window, now: datetime) -> Iterator[str]:
    if window.first >= window.until:
        yield (
            f"no slot of {source.every} starts between {job.start} and {job.end}: nothing is asked for"
        )
    if source.retention is None:
        return
    kept = source.every.ceil(now - source.retention)
    gone = window.count(window.first, min(kept, window.due))
    if gone > 0:
        verb = "slot is" if gone == 1 else "slots are"
        yield (
            f"{gone:,} {verb} older than the archive's retention, from {window.first:%Y-%m-%dT%H:%MZ}"
            " on: what is not here yet may be gone"
        )
