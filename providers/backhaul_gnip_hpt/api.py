"""The API's calls: paths of version 1 and 2, and finding a job by its id or its title.

Only paths below ``base_url`` are asked: ``jobURL`` and ``dataURL`` of the answers are never
followed, since the password is meant for ``base_url`` alone (and they carry an explicit port).
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import quote, urlsplit

from backhaul import Http, NotDataError, ProviderError, RemoteJob, find_job
from backhaul_gnip_hpt.options import HptJob, HptSource
from backhaul_gnip_hpt.results import Results, read_csv, read_json

log = logging.getLogger(__name__)

# {account} is quoted. Version 1 keeps its list elsewhere than its jobs.
_LIST = {
    1: "/accounts/{account}/jobs.json",
    2: "/historical/powertrack/accounts/{account}/publishers/twitter/jobs.json",
}
_JOBS = {
    1: "/accounts/{account}/publishers/twitter/historical/track/jobs",
    2: "/historical/powertrack/accounts/{account}/publishers/twitter/jobs",
}


@dataclass(frozen=True, slots=True)
class Api:
    """The calls of one account; each method is one GET unless it says otherwise."""

    http: Http
    source: HptSource

    def jobs(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The account's jobs: uuid and summary, in the order of the answer."""
        document = self._json(self._url(_LIST))
        listed = document.get("jobs") if isinstance(document, Mapping) else None
        if not isinstance(listed, list):
            raise NotDataError("jobs.json: there is no list named jobs")
        for position, summary in enumerate(listed):
            uuid = uuid_of(summary) if isinstance(summary, Mapping) else ""
            if uuid:
                yield uuid, summary
            else:
                log.warning("jobs.json: jobs[%d] has neither jobURL nor uuid; left out", position)

    def find(self, job: HptJob) -> str:
        """The job's uuid: no call by id, one by title.

        Raises:
            ConfigError: no job has the title, or several have it; the message says what to write.
        """
        if job.id is not None:
            return job.id
        jobs = (RemoteJob(uuid, str(each.get("title") or "")) for uuid, each in self.jobs())
        return find_job(job.title or "", jobs).id

    def job(self, uuid: str) -> Mapping[str, Any]:
        """The job object."""
        document = self._json(f"{self._url(_JOBS)}/{uuid}.json")
        if not isinstance(document, Mapping):
            raise NotDataError(f"job {uuid}: the answer should be an object")
        return document

    @contextmanager
    def results(self, uuid: str, form: str) -> Iterator[Results]:
        """The job's links, freshly listed, while this lasts; ``form`` is ``json`` or ``csv``.

        They lie in a temporary file, for a list may have a million of them.
        """
        url = f"{self._url(_JOBS)}/{uuid}/results.{form}"
        with TemporaryFile() as file:
            self.http.download(url, file, auth=(self.source.username, self.source.password))
            yield read_json(file, refuse_error) if form == "json" else read_csv(file)

    def now(self) -> datetime:
        """The server's time, from its last answer: the local clock may be wrong."""
        return datetime.now(UTC) - timedelta(seconds=self.http.clock_offset or 0.0)

    def _url(self, paths: Mapping[int, str]) -> str:
        path = paths[self.source.api_version]
        return self.source.root + path.format(account=quote(self.source.account, safe=""))

    def _json(self, url: str) -> Any:
        document = self.http.get_json(url, auth=(self.source.username, self.source.password))
        if isinstance(document, Mapping):
            refuse_error(document)
        return document


def refuse_error(document: Mapping[str, Any]) -> None:
    """Raise ProviderError for ``{"status":"error","reason":..}`` or ``{"error":..}``, at any HTTP status."""
    if document.get("status") == "error":
        raise ProviderError(f"the API says: {document.get('reason') or 'error, without a reason'}")
    if document.get("error") and "status" not in document:
        raise ProviderError(f"the API says: {document['error']}")


def uuid_of(summary: Mapping[str, Any]) -> str:
    """The uuid of a listed job: last part of ``jobURL`` without ``.json``; else its ``uuid``."""
    url = summary.get("jobURL")
    try:
        last = urlsplit(url).path.rsplit("/", 1)[-1] if isinstance(url, str) else ""
    except ValueError:
        last = ""
    return last.split(".", 1)[0] or str(summary.get("uuid") or "")
