"""API calls: the paths of versions 1 and 2, and looking up a job by id or title.

Only paths below ``base_url`` are requested. The ``jobURL`` and ``dataURL`` in responses are never
followed: the password is meant for ``base_url`` alone, and those URLs carry an explicit port.
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

# {account} is percent-encoded. Version 1 lists jobs under a different path than the jobs themselves.
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
    """The API of one account; each method makes one GET unless documented otherwise."""

    http: Http
    source: HptSource

    def jobs(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The account's jobs as uuid and summary, in the order of the response."""
        document = self._json(self._url(_LIST))
        listed = document.get("jobs") if isinstance(document, Mapping) else None
        if not isinstance(listed, list):
            raise NotDataError("jobs.json: no 'jobs' array in the response")
        for position, summary in enumerate(listed):
            uuid = uuid_of(summary) if isinstance(summary, Mapping) else ""
            if uuid:
                yield uuid, summary
            else:
                log.warning(
                    "jobs.json: skipping jobs[%d], which has neither jobURL nor uuid", position
                )

    def find(self, job: HptJob) -> str:
        """The job's uuid; looking it up by title costs one call, by id none.

        Raises:
            ConfigError: no job has the title, or several do; the message says what to write.
        """
        if job.id is not None:
            return job.id
        jobs = (RemoteJob(uuid, str(each.get("title") or "")) for uuid, each in self.jobs())
        return find_job(job.title or "", jobs).id

    def job(self, uuid: str) -> Mapping[str, Any]:
        """The job object."""
        document = self._json(f"{self._url(_JOBS)}/{uuid}.json")
        if not isinstance(document, Mapping):
            raise NotDataError(f"job {uuid}: the response is not a JSON object")
        return document

    @contextmanager
    def results(self, uuid: str, form: str) -> Iterator[Results]:
        """The job's freshly listed links; ``form`` is ``json`` or ``csv``.

        They are kept in a temporary file, as there may be a million of them, and are valid only
        inside the context.
        """
        url = f"{self._url(_JOBS)}/{uuid}/results.{form}"
        with TemporaryFile() as file:
            self.http.download(url, file, auth=(self.source.username, self.source.password))
            yield read_json(file, refuse_error) if form == "json" else read_csv(file)

    def now(self) -> datetime:
        """The server's time, from its last response: the local clock may be wrong."""
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
        raise ProviderError(
            f"the API returned an error: {document.get('reason') or 'no reason given'}"
        )
    if document.get("error") and "status" not in document:
        raise ProviderError(f"the API returned an error: {document['error']}")


def uuid_of(summary: Mapping[str, Any]) -> str:
    """The uuid of a listed job: the last part of ``jobURL`` without ``.json``, else its ``uuid``."""
    url = summary.get("jobURL")
    try:
        last = urlsplit(url).path.rsplit("/", 1)[-1] if isinstance(url, str) else ""
    except ValueError:
        last = ""
    return last.split(".", 1)[0] or str(summary.get("uuid") or "")
