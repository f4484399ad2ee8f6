"""An emulator of HPT, versions 1 and 2 on one port, with its storage of signed links on another.

Jobs can be created, accepted and rejected; each status call advances such a job by one state.
"""

import json
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal

from werkzeug import Request, Response

from backhaul.testing import Emulator, Faults
from backhaul_gnip_hpt import emulated_keys as keys
from backhaul_gnip_hpt.emulated_archive import Archive
from backhaul_gnip_hpt.emulated_jobs import EmulatedJob, Oddities
from backhaul_gnip_hpt.emulated_orders import RefusedOrderError, period, read_order, rules_report

ACCOUNT, USERNAME, PASSWORD = "acme", "ops@example.org", "made-up password"
JOB = "kj4r26m0qx"
TITLE = "WorldCup test"
_SIZES = {"small": 25, "large": 2250}  # mean activities per file: 4 KB, 330 KB
_READING = {"GET", "HEAD"}
_UUID = "abcdefghijklmnopqrstuvwxyz0123456789"
_VENDOR = {1: "https://historical.gnip.com:443", 2: "https://gnip-api.gnip.com:443"}
_LIST = re.compile(
    r"/accounts/(?P<v1>[^/]+)/jobs\.json"
    r"|/historical/powertrack/accounts/(?P<v2>[^/]+)/publishers/twitter/jobs\.json"
)
_JOBS = re.compile(
    r"(?:/accounts/(?P<v1>[^/]+)/publishers/twitter/historical/track/jobs"
    r"|/historical/powertrack/accounts/(?P<v2>[^/]+)/publishers/twitter/jobs)"
    r"/(?P<uuid>[^/]+?)(?:\.json|(?P<results>/results)\.(?P<form>json|csv))"
)


class GnipHptEmulator(Emulator):
    """The API with at least one job in each state; ``ids`` has them by state.

    The job of ``jobs()`` is delivered, and its size can be chosen; the others last an hour.

    Attributes:
        known: the jobs by uuid.
        ids: uuid by state; ``twin`` and ``other twin`` share a title.
    """

    provider = "gnip-hpt"

    def __init__(
        self,
        *,
        seed: int = 1,
        faults: Faults | str | None = None,
        port: int = 0,
        storage_port: int = 0,
        link_budget: int | None = None,
        link_lifetime: float = 30 * 86400.0,
        api_version: Literal[1, 2] = 2,
        slots: int = 144,
        start: datetime = datetime(2014, 5, 17, tzinfo=UTC),
        silent: float = 0.1,
        size: Literal["small", "large"] = "small",
        activities: int | None = None,
        text_bytes: int = 150,
        newline: str = "\r\n",
        blank_lines: bool = True,
        polls: int = 2,
        expires_in: float = 15 * 86400.0,
        link_style: Literal["path", "virtual"] = "path",
        suspect_minutes: bool = False,
        one_time: bool = False,
        **oddities: Any,
    ) -> None:
        """Prepare; ``start`` opens the ports.

        Args:
            seed: of the synthetic data.
            faults: faults to inject.
            port: the API's; 0 for any free one.
            storage_port: the storage's; 0 for any free one.
            link_budget: object GETs after which the links of one listing expire.
            link_lifetime: seconds that a link is valid, regardless of ``expiresAt``.
            api_version: the version that ``source()`` configures; both are served.
            slots: ten-minute slots of the delivered job.
            start: its first slot.
            silent: fraction of slots without a file.
            size: files of about 4 KB or of about 330 KB.
            activities: mean number of activities per file, instead of ``size``.
            text_bytes: length of an activity's text.
            newline: line ending in the files.
            blank_lines: a blank line follows each activity.
            polls: status calls after which the running job is delivered.
            expires_in: seconds until ``expiresAt`` of delivered jobs; negative: they have expired.
            link_style: ``path``: the bucket is in the path; ``virtual``: it is not, as with a virtual host.
            suspect_minutes: the delivered job has a list of suspect minutes.
            one_time: the account may read links, but not job objects.
            oddities: see ``Oddities``.
        """
        super().__init__(
            seed=seed,
            faults=faults,
            port=port,
            storage_port=storage_port,
            link_budget=link_budget,
            link_lifetime=link_lifetime,
        )
        unknown = sorted(set(oddities) - {field.name for field in fields(Oddities)})
        if unknown:
            raise TypeError(f"the emulator of HPT has no knob named {', '.join(unknown)}")
        self.odd = Oddities(**oddities)
        self.api_version = api_version
        self._polls = polls
        self._style = link_style
        self._suspect = suspect_minutes
        self._one_time = one_time
        self._expires = f"{datetime.now(UTC) + timedelta(seconds=expires_in):%Y-%m-%dT%H:%M:%SZ}"
        self._archive: dict[str, Any] = {
            "seed": seed,
            "start": start,
            "silent": silent,
            "activities": activities or _SIZES[size],
            "text_bytes": text_bytes,
            "newline": newline,
            "blank_lines": blank_lines,
            "footer_as_text": self.odd.numbers == "text",
        }
        self.storage.bucket = "archive.replay.snapshots"
        self.known: dict[str, EmulatedJob] = {}
        self.ids: dict[str, str] = {}
        self._fill(slots)

    def source(self) -> dict[str, Any]:
        """YAML keys of a source that connects to this emulator."""
        return {
            "provider": self.provider,
            "account": ACCOUNT,
            "username": USERNAME,
            "password": PASSWORD,
            "api_version": self.api_version,
            "base_url": self.url,
        }

    def jobs(self) -> dict[str, dict[str, Any]]:
        """YAML keys of the delivered job."""
        return {"worldcup": {"id": JOB}}

    def api(self, request: Request) -> Response:
        """The paths of both versions, protected by HTTP Basic."""
        given = request.authorization
        if given is None or (given.username, given.password) != (USERNAME, PASSWORD):
            refusal = _error(401, "Invalid credentials.")
            refusal.headers["WWW-Authenticate"] = 'Basic realm="Gnip"'
            return refusal
        listing, one = _LIST.fullmatch(request.path), _JOBS.fullmatch(request.path)
        # Clients that cannot PUT send a POST with this header.
        method = request.headers.get("X-HTTP-Method-Override", request.method).upper()
        if listing and ACCOUNT in listing.groups():
            return self._at_list(listing, method, request)
        if one and ACCOUNT in one.groups() and one["uuid"] in self.known:
            return self._at_job(one, method, request)
        return _error(404, "Not found.")

    def _at_list(self, found: re.Match[str], method: str, request: Request) -> Response:
        if method == "POST":
            return self._create(found, request.get_data())
        return self._list(found) if method in _READING else _not_allowed("GET, HEAD, POST")

    def _at_job(self, found: re.Match[str], method: str, request: Request) -> Response:
        job = self.known[found["uuid"]]
        if found["results"]:
            if method not in _READING:
                return _not_allowed("GET, HEAD")
            return self._results(job, found["form"])
        if method == "PUT":
            return self._decide(found, job, request.get_data())
        if method not in _READING:
            return _not_allowed("GET, HEAD, PUT")
        return self._job(found, job, counts=method == "GET")

    def _fill(self, slots: int) -> None:
        self._add("delivered", JOB, "delivered", TITLE, slots)
        self._add("running", "r8n3w0k5ta", "running", "harbor fog", 6, polls=self._polls)
        self._add("expired", "x2p9d4h7vc", "delivered", "harbor fog, last year", 6, listed=False)
        self._add("twin", "t1w6n2b8qe", "delivered", "twins", 6)
        self._add("other twin", "t9w4n7b3ze", "finished", "twins", 6)
        for number, state in enumerate(
            ("opened", "estimating", "quoted", "accepted", "rejected", "completed", "failed")
        ):
            self._add(state, f"s{number}{state[:8]}", state, f"a job that is {state}", 6)

    def _add(self, name: str, uuid: str, status: str, title: str, slots: int, **more: Any) -> None:
        self.ids[name] = uuid
        archive = Archive(uuid=uuid, count=slots, **self._archive)
        expires = "2014-06-03T22:29:46Z" if name == "expired" else self._expires
        self._keep(
            EmulatedJob(title=title, status=status, archive=archive, expires=expires, **more)
        )

    def _keep(self, job: EmulatedJob) -> None:
        archive = job.archive
        self.known[archive.uuid] = job
        self.storage.mount(keys.prefix(ACCOUNT, archive), lambda key: keys.body(archive, key))
        suspect = json.dumps({"suspectMinutes": [f"{archive.start:%Y%m%d%H%M}"]}).encode()
        self.storage.put(keys.suspect(ACCOUNT, archive), suspect, content_type="application/json")

    def _create(self, found: re.Match[str], body: bytes) -> Response:
        try:
            order = read_order(body)
            start, slots = period(order)
        except RefusedOrderError as refusal:
            return _error(400, str(refusal))
        if order["title"] in {job.title for job in self.known.values()}:
            return _error(400, "A job with this title exists already.")
        dice = Random(f"{self.seed}/ordered/{len(self.known)}")  # noqa: S311 - made-up data
        uuid = "".join(dice.choices(_UUID, k=10))
        job = EmulatedJob(
            title=str(order["title"]),
            status="opened",
            archive=Archive(uuid=uuid, count=slots, **{**self._archive, "start": start}),
            polls=self._polls,
            expires=self._expires,
            moves=True,
        )
        self._keep(job)
        document = self._document(found, job)
        if found["v2"]:
            document["rules"] = rules_report(order)
        return _json(document, 201)

    def _decide(self, found: re.Match[str], job: EmulatedJob, body: bytes) -> Response:
        try:
            decision = json.loads(body)["status"]
        except (ValueError, TypeError, KeyError):
            return _error(400, "The request body must be JSON with a status.")
        if not job.decide(str(decision)):
            return _error(400, f"A job that is {job.status} takes no such status.")
        return _json(self._document(found, job))

    def _list(self, found: re.Match[str]) -> Response:
        version = _version(found)
        listed = [
            job.summary(self._job_url(version, job), version, self.odd)
            for job in self.known.values()
        ]
        document: dict[str, Any] = {"jobs": listed}
        if self.odd.account_totals:
            totals = {"jobCount": len(listed), "activityCount": 812345, "jobDaysRun": 37}
            document["delivered"] = {"since": "2016-01-01T00:00:00Z", "period": "month", **totals}
        return _json(document)

    def _job(self, found: re.Match[str], job: EmulatedJob, *, counts: bool) -> Response:
        if self._one_time:
            return _error(403, "This account may not read jobs.")
        if counts:
            job.poll()
        return _json(self._document(found, job))

    def _document(self, found: re.Match[str], job: EmulatedJob) -> dict[str, Any]:
        version = _version(found)
        return job.document(ACCOUNT, self._job_url(version, job), version, self.odd)

    def _job_url(self, version: int, job: EmulatedJob) -> str:
        root = _VENDOR[version] if self.odd.vendor_urls else self.url
        base = (
            f"/accounts/{ACCOUNT}/publishers/twitter/historical/track/jobs",
            f"/historical/powertrack/accounts/{ACCOUNT}/publishers/twitter/jobs",
        )[version - 1]
        return f"{root}{base}/{job.archive.uuid}"

    def _results(self, job: EmulatedJob, form: str) -> Response:
        if not job.delivered:
            return _error(404, "The job has no results yet.")
        if not job.listed:
            return _error(404, "The results of this job have expired.")
        archive, listing = job.archive, self.storage.new_listing()

        def link(key: str) -> str:
            return self.storage.link(key, style=self._style, listing=listing)

        marks = list(archive.slots)
        links = [link(keys.data(ACCOUNT, archive, mark)) for mark in marks]
        if form == "csv":
            lines = [
                f"'{keys.csv_name(archive, mark)}'\t'{url}'"
                for mark, url in zip(marks, links, strict=True)
            ]
            end = self.odd.csv_newline if self.odd.csv_last_newline and lines else ""
            return Response(self.odd.csv_newline.join(lines) + end, mimetype="text/csv")
        suspect = (
            link(keys.suspect(ACCOUNT, archive)) if self._suspect and archive.uuid == JOB else None
        )
        return _json(job.results(links, suspect, self.odd))


def _version(found: re.Match[str]) -> int:
    return 1 if found["v1"] else 2


def _not_allowed(allowed: str) -> Response:
    refusal = _error(405, "Method not allowed.")
    refusal.headers["Allow"] = allowed
    return refusal


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document), status, mimetype="application/json")


def _error(status: int, reason: str) -> Response:
    return _json({"status": "error", "reason": reason}, status)
