"""s3-prefix: archives in an S3 bucket of someone else, read by listing it.

* Objects are listed in the order of their keys, a thousand per request. The listing is complete, so a slot
  without an object is silent.
* An ETag identifies the content. It is the MD5 only if the object was uploaded in one piece (no ``-`` in it)
  and is not encrypted with a key, which a listing does not say.
* Some stores return 403 for an object that does not exist (yet); a listing never contains it.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from backhaul import Http, JobState, JobStatus, ProviderInfo, RemoteFile, Request, hookimpl
from backhaul_http_archives import examples
from backhaul_http_archives.ahead import in_order
from backhaul_http_archives.auth import credentials
from backhaul_http_archives.buckets import LINKS_LAST, Object, link, objects
from backhaul_http_archives.contents import content_of
from backhaul_http_archives.listed import UNDATED, Selection, Slot, check_name
from backhaul_http_archives.s3_options import S3Job, S3Source
from backhaul_http_archives.template import Template
from backhaul_http_archives.values import combinations

_MD5 = re.compile(r"[0-9a-f]{32}")
KEY = "key"
"""The key of a file's meta that holds the object's key."""


@hookimpl
def provider() -> ProviderInfo:
    """Describes the provider."""
    return ProviderInfo(
        "A prefix of an S3 bucket that others write", S3Source, S3Job, example=examples.S3
    )


@hookimpl
def get_status(source: S3Source, job: S3Job) -> JobStatus:
    """Always ready; the bucket is listed when the files are."""
    slots = Selection(source, job, datetime.now(UTC)).slots()
    identity = {"bucket": source.bucket, "prefix": source.prefix.text}
    return JobStatus(JobState.READY, slots=slots, identity=identity, bounded=True)


@hookimpl
def resolve_files(http: Http, source: S3Source, job: S3Job) -> Iterator[RemoteFile]:
    """The objects of each prefix, in the order of their keys."""
    chosen = Selection(source, job, datetime.now(UTC))
    names: dict[int, int] = {}
    above = source.prefix.head.rpartition("/")[0]
    shared = f"{above}/" if above else ""
    listings = in_order(_prefixes(source, job, chosen), lambda at: objects(http, source, at.prefix))
    for at, found in listings:
        for each in found:
            file = _file(chosen, at.name, each, at.period, each.key.removeprefix(shared))
            if file is not None:
                check_name(names, file, each.key)
                yield chosen.named(file, each.key, at.texts)


@hookimpl
def fetch_file(http: Http, source: S3Source, file: RemoteFile) -> Request:
    """A link, signed now."""
    _, headers = credentials(http, None, source.contact)
    now = datetime.now(UTC)
    url = link(source, file.meta[KEY])
    return Request(url, headers=headers, expires=None if source.anonymous else now + LINKS_LAST)


class _Prefix(NamedTuple):
    """A prefix to list, and what its files have in common."""

    prefix: str
    period: Slot | None
    name: Template
    texts: dict[str, str]


def _prefixes(source: S3Source, job: S3Job, chosen: Selection) -> Iterator[_Prefix]:
    for texts in combinations(job.values):
        name = source.name.bind(texts)
        for prefix, period in chosen.places(source.prefix.bind(texts)):
            yield _Prefix(prefix, period, name, texts)


def _file(
    chosen: Selection, name: Template, found: Object, period: Slot | None, listed: str
) -> RemoteFile | None:
    """The file of an object; None if the job does not include it."""
    source = chosen.source
    assert isinstance(source, S3Source)  # noqa: S101 - it was created from one
    if not chosen.wants(listed):
        return None
    slot = period or UNDATED
    if source.start is not None:
        dated = chosen.slot(listed, found.key)
        if dated is None:
            return None
        slot = dated
    start, end = slot
    named = listed
    if name.text != "{name}":
        texts = {"name": listed, "basename": listed.rpartition("/")[2], "path": found.key}
        named = chosen.stored_name(name, slot, texts)
    is_md5 = source.etag == "md5" and _MD5.fullmatch(found.etag) is not None
    return RemoteFile(
        named,
        start=start,
        end=end,
        size=found.size,
        checksum=f"md5:{found.etag}" if is_md5 else None,
        version=found.etag or None,
        content=source.content or content_of(named),
        meta={KEY: found.key},
    )
