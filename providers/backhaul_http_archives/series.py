"""http-series: dated archives whose URLs are computed from the time.

There is no listing: each slot that is due is requested, and a missing one is a gap. So everything depends on the
server's responses:

* Mostly 404 and 410; 403 from buckets without list permission, which is also the response to wrong credentials.
* Single hours may be missing for good (GH Archive), and everything before an archive or a symbol started.
  Many in a row after that are an outage or a changed URL rather than gaps.
* A slot may appear late (``lag``), even later (``recheck``), and disappear after a while (``retention``).
* Archives require a pace, and a contact in the user agent (SEC, Wikimedia).
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

# A HEAD that is refused for a reason other than the credentials says nothing about the files.
_NOT_OF_CREDENTIALS = frozenset(range(400, 600)) - {401, 407, 429, 503}


@hookimpl
def provider() -> ProviderInfo:
    """Describes the provider."""
    return ProviderInfo(
        "A dated archive over HTTP whose URLs are computed from the time",
        SeriesSource,
        SeriesJob,
        series=SERIES,
        example=examples.SERIES,
    )


@hookimpl
def get_status(http: Http, source: SeriesSource, job: SeriesJob) -> JobStatus:
    """Always ready. One call detects wrong credentials before every file is refused."""
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
    """Each slot that is due, oldest first, because it will be deleted first."""
    now = datetime.now(UTC)
    settled = now - source.lag - source.recheck  # slots that ended before are not requested again
    series = []
    for texts in combinations(job.values):
        url, name = source.url.bind(in_url(texts)), source.name.bind(texts)
        series.append((url, name, {SERIES: label(texts)} if texts else {}, texts))
    last = source.url.tail if source.name.text.endswith("{basename}") else source.name.tail
    ending = last.rpartition("/")[2]
    content = source.content or (content_of(ending) if ending.count(".") > 1 else None)
    beside = None if source.checksum is None else source.checksum.beside
    plain = source.name.text == "{basename}"
    uses_basename = "basename" in source.name.texts
    for start, end in job.window(source, now).slots():
        for url, name, meta, texts in series:
            address = url.fill(start, end)
            named = basename(address) if uses_basename else ""
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
                file.aliases = other_names(job.adopt, file, path, texts)
            yield file


@hookimpl
def fetch_file(http: Http, source: SeriesSource, file: RemoteFile) -> Request:
    """The URL, with credentials and contact."""
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
            f"no slot of {source.every} starts between {job.start} and {job.end}: there is nothing to request"
        )
    if source.retention is None:
        return
    kept = source.every.ceil(now - source.retention)
    gone = window.count(window.first, min(kept, window.due))
    if gone > 0:
        verb = "slot is" if gone == 1 else "slots are"
        yield (
            f"{gone:,} {verb} older than the archive's retention, from {window.first:%Y-%m-%dT%H:%MZ}"
            " on: files that were not fetched yet may be gone"
        )
