"""http-index: archives with an index, either a single one or one per period.

Indexes are pages of links as written by Apache and nginx (with exact sizes in nginx, rounded ones in
Apache); one line per file, starting with its size and MD5 (GDELT); compressed lists of relative paths (Common
Crawl); md5sum's files; JSON manifests (OpenAlex, Databento: digests as ``sha256:...``). None of them says what is
missing, so a slot that is not in the completely read index is silent.
"""

import gzip
import logging
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import IO, Final, cast
from urllib.parse import quote, unquote, urljoin, urlsplit

from backhaul import (
    Http,
    JobState,
    JobStatus,
    NotDataError,
    NotFoundError,
    ProviderInfo,
    RemoteFile,
    Request,
    hookimpl,
)
from backhaul_http_archives import examples
from backhaul_http_archives.ahead import in_order
from backhaul_http_archives.auth import credentials
from backhaul_http_archives.beside import beside_url
from backhaul_http_archives.contents import content_of
from backhaul_http_archives.entries import Entries, Entry
from backhaul_http_archives.index_options import IndexJob, IndexSource
from backhaul_http_archives.keys import basename, origin_url, path_of
from backhaul_http_archives.listed import UNDATED, Selection, Slot, check_name
from backhaul_http_archives.readers import (
    Links,
    read_autoindex,
    read_csv,
    read_json,
    read_lines,
    read_sums,
)
from backhaul_http_archives.sums import Sums
from backhaul_http_archives.template import Template
from backhaul_http_archives.values import combinations, in_url

log = logging.getLogger(__name__)

_GONE: Final = frozenset({404, 410})  # of listed files, whatever other statuses the source has
_MOST: Final = 4 << 30  # bytes of an index, decompressed
_MOST_AT_ONCE: Final = 100_000_000  # of an index that cannot be streamed
_SAFE: Final = "/%:?#[]@!$&'()*+,;=~-._"
_SIMPLE: Final = re.compile(r"[\w+,=~-][\w.+,=~-]*(?:/[\w+,=~-][\w.+,=~-]*)*", re.ASCII)
"""A relative link that can simply be appended to its folder, as most can."""


@hookimpl
def provider() -> ProviderInfo:
    """Describes the provider."""
    return ProviderInfo(
        "A dated archive over HTTP with an index", IndexSource, IndexJob, example=examples.INDEX
    )


@hookimpl
def get_status(source: IndexSource, job: IndexJob) -> JobStatus:
    """Always ready; the index is read when the files are listed."""
    slots = Selection(source, job, datetime.now(UTC)).slots()
    identity = {"url": path_of(source.url)}
    return JobStatus(JobState.READY, slots=slots, identity=identity, bounded=True)


@hookimpl
def resolve_files(http: Http, source: IndexSource, job: IndexJob) -> Iterator[RemoteFile]:
    """The files of each index, in its order. Raises NotFoundError at the end if one does not exist."""
    chosen = Selection(source, job, datetime.now(UTC))
    absent: list[str] = []
    names: dict[int, int] = {}
    for (page, texts), files in in_order(
        _pages(http, source, job, chosen), lambda at: at[0].files()
    ):
        try:
            for file in files:
                check_name(names, file, file.url or "")
                if job.adopt:
                    chosen.named(file, unquote(urlsplit(file.url or "").path), texts)
                yield file
        except NotFoundError as error:
            if chosen.is_due(page.period):
                absent.append(error.message)
    if absent:
        more = f", and {len(absent) - 1:,} more" if len(absent) > 1 else ""
        raise NotFoundError(f"index not found: {absent[0]}{more}")


@hookimpl
def fetch_file(http: Http, source: IndexSource, file: RemoteFile) -> Request:
    """The listed URL; credentials are sent to the archive's own origin only."""
    url = file.url or ""
    auth, headers = credentials(http, source.auth, source.contact)
    if _origin(url) != _origin(origin_url(source.url)):
        auth, headers = credentials(http, None, source.contact)
    return Request(url, auth=auth, headers=headers, missing=_GONE | set(source.missing))


def _pages(
    http: Http, source: IndexSource, job: IndexJob, chosen: Selection
) -> "Iterator[tuple[_Page, dict[str, str]]]":
    """Each index, and the values in its URL."""
    for texts in combinations(job.values):
        url, name = source.url.bind(in_url(texts)), source.name.bind(texts)
        for address, period in chosen.places(url):
            yield _Page(http, source, chosen, name, address, period), texts


@dataclass(frozen=True, slots=True)
class _Page:
    """One index, and how to read it."""

    http: Http
    source: IndexSource
    chosen: Selection
    name: Template
    address: str
    period: Slot | None

    def files(self) -> Iterator[RemoteFile]:
        """The listed files that the job includes. Raises NotFoundError, NotDataError."""
        sums = self._sums()
        listed = taken = 0
        page = Links()
        with self._fetched(self.address) as (file, base):
            folder = base.rpartition("/")[0] + "/"
            for entry in self._read(file, page):
                url = self._link(entry.url, base)
                if self.source.reader == "autoindex" and not url.startswith(folder):
                    continue
                listed += 1
                name = entry.name or unquote(basename(url))
                if not self.chosen.wants(name):
                    continue
                taken += 1
                made = self._made(entry, name, url, sums)
                if made is not None:
                    yield made
        if self.source.reader == "autoindex" and not (taken or page.is_folder):
            found = f"none of its {listed:,} files is included" if listed else "it links to no file"
            raise NotDataError(
                f"{self._bare}: {found}, and does not look like the index of a folder; it may be a login page"
            )
        if listed and not taken:
            log.warning("%s: include and exclude leave none of its %d files", self._bare, listed)

    def _made(self, entry: Entry, listed: str, url: str, sums: Sums | None) -> RemoteFile | None:
        slot = self.period or UNDATED
        if self.source.start is not None:
            found = self.chosen.slot(listed, url)
            if found is None:
                return None
            slot = found
        start, end = slot
        name = listed
        if self.name.text != "{name}":
            path = unquote(urlsplit(url).path).lstrip("/")
            texts = {"name": listed, "basename": listed.rpartition("/")[2], "path": path}
            name = self.chosen.stored_name(self.name, slot, texts)
        checksum = entry.checksum
        if sums is not None:
            checksum = sums.of(listed) or sums.of(listed.rpartition("/")[2]) or checksum
        return RemoteFile(
            name,
            url,
            start=start,
            end=end,
            size=entry.size,
            checksum=checksum,
            checksum_url=None if checksum is not None else self._beside(url),
            content=self.source.content or content_of(name),
        )

    def _link(self, link: str, base: str) -> str:
        for old, new in self.source.rewrite.items():
            if link.startswith(old):
                link = new + link[len(old) :]
                break
        if self.source.base is not None:
            base = f"{self.source.base}/"
        if _SIMPLE.fullmatch(link):
            return f"{base.rpartition('/')[0]}/{link}"
        url = _joined(base, link)
        if url is None:
            raise NotDataError(f"{self._bare}: not an http(s) link: {link[:80]!r}")
        if "@" in url and urlsplit(url).username is not None:
            raise NotDataError(f"{self._bare}: a link contains credentials")
        if "#" in url:
            url = url.partition("#")[0]
        return url if url.isascii() and url.isprintable() and " " not in url else quote(url, _SAFE)

    def _read(self, file: IO[bytes], page: Links) -> Entries:
        source = self.source
        try:
            if source.reader == "autoindex":
                yield from read_autoindex(file, page)
            elif source.reader == "sums":
                yield from read_sums(file)
            elif source.reader == "json" and source.json_ is not None:
                paths = source.json_.compiled()
                yield from read_json(file, paths, source.json_.files, _MOST_AT_ONCE)
            elif source.reader == "csv" and source.csv is not None:
                yield from read_csv(file, source.csv.columns(), source.csv.delimiter)
            else:
                yield from read_lines(file, source.pattern)
        except NotDataError as error:
            raise NotDataError(f"{self._bare}: {error.message}") from None
        except (EOFError, OSError, zlib.error) as error:
            if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
                raise
            raise NotDataError(f"{self._bare}: the compressed index is damaged") from None

    def _beside(self, url: str) -> str | None:
        return (
            None if self.source.checksum is None else beside_url(self.source.checksum.beside, url)
        )

    def _sums(self) -> Sums | None:
        """The digests of the folder's checksum file by name; None if there is none."""
        if self.source.checksum is None or self.source.checksum.folder is None:
            return None
        address = urljoin(self.address, self.source.checksum.folder)
        try:
            with self._fetched(address) as (file, _):
                return Sums(read_sums(file))
        except NotDataError as error:
            raise NotDataError(f"{_bare(address)}: {error.message}") from None

    @contextmanager
    def _fetched(self, address: str) -> Iterator[tuple[IO[bytes], str]]:
        """An index in a temporary file, decompressed, and its final URL."""
        auth, headers = credentials(self.http, self.source.auth, self.source.contact)
        missing = frozenset(self.source.missing)
        with TemporaryFile() as file:
            answer = self.http.download(address, file, auth=auth, headers=headers, allow=missing)
            if answer.status_code in missing:
                raise NotFoundError(f"{_bare(address)} returned {answer.status_code}")
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            yield (
                cast("IO[bytes]", _Bounded(gzip.GzipFile(fileobj=file) if packed else file)),
                answer.url,
            )

    @property
    def _bare(self) -> str:
        return _bare(self.address)


class _Bounded:
    """A file that is read up to a limit: a compressed one may expand to any size."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        self._file = file
        self._left = _MOST

    def read(self, size: int = -1) -> bytes:
        return self._counted(self._file.read(size))

    def readline(self, size: int = -1) -> bytes:
        return self._counted(self._file.readline(size))

    def seek(self, place: int) -> int:
        return self._file.seek(place)

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise NotDataError(f"the index has more than {_MOST >> 30} GiB")
        return data


def _bare(url: str) -> str:
    return url.partition("?")[0]


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def _joined(base: str, link: str) -> str | None:
    """The URL of a link; None if it is not an http(s) URL."""
    try:
        url = urljoin(base, link)
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        return None
    return url if usable else None
