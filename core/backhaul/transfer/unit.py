"""Transfers, their failures and counters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import urlsplit

from backhaul.errors import FailureKind
from backhaul.types import RemoteFile, Request, SlotState

SKEW = 300.0  # seconds of clock difference worth mentioning
# Bytes; files of this size are synced before their group is published, which would wait.
HUGE = 16 << 20
NO_REQUEST = Request("http://invalid/")
"""Placeholder for a file whose request could not be created."""


class Transfer(NamedTuple):
    """A file to fetch: a plain value that any process could carry out.

    Attributes:
        job: the job's name.
        file: the file.
        request: how to request it.
        priority: lower numbers start first.
        listing_round: how often the job's links had been renewed when this was created.
        good_until: when its link expires, in Unix seconds; 0 if unknown, or already past by the local
            clock (then the server decides).
        unproven: whether to keep the file even if nothing proves its end.
        validator: the present file came with this validator; fetch only if it has changed.
    """

    job: str
    file: RemoteFile
    request: Request
    priority: int = 0
    listing_round: int = 0
    good_until: float = 0.0
    unproven: bool = False
    validator: str | None = None


class Failure(NamedTuple):
    """Why a transfer failed.

    Attributes:
        kind: the failure kind.
        message: one line for the user, without secrets.
        state: the file's resulting state.
        retry: whether a retry may help.
        retry_after: seconds requested by the server.
        pushback: the host asks for fewer requests.
        fresh: start over: received data is useless.
        link: the link may be the cause: a fresh one is worth a try.
        rejected: received bytes are not the file: they are kept if this failure is final.
        local: caused temporarily by this machine, not by the host or disk.
        untried: not requested, since the host was given up before.
    """

    kind: FailureKind
    message: str
    state: SlotState = SlotState.FAILED
    retry: bool = False
    retry_after: float | None = None
    pushback: bool = False
    fresh: bool = False
    link: bool = False
    rejected: bool = False
    local: bool = False
    untried: bool = False


@dataclass(slots=True)
class Counters:
    """Statistics and state of an engine or several; read by other threads.

    Attributes:
        bytes: bytes received.
        requests: requests made.
        finished: files verified.
        retries: attempts that will be repeated.
        active: connections in use.
        by_job: bytes received, by job.
        held: number of transfers that wait for their job's release, by job.
    """

    bytes: int = 0
    requests: int = 0
    finished: int = 0
    retries: int = 0
    active: int = 0
    by_job: dict[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)

    def count(self, job: str, size: int) -> None:
        """Counts received bytes of a job."""
        self.bytes += size
        self.by_job[job] = self.by_job.get(job, 0) + size

    def add(self, other: "Counters") -> None:
        """Adds the counters of another engine, whose thread may be changing them."""
        self.bytes += other.bytes
        self.requests += other.requests
        self.finished += other.finished
        self.retries += other.retries
        self.active += other.active
        for job, size in dict(other.by_job).items():
            self.by_job[job] = self.by_job.get(job, 0) + size
        held = {job: self.held.get(job, 0) + number for job, number in other.held.items()}
        self.held = {**self.held, **held}


def origin(url: str) -> str:
    """Scheme, host and port of a URL, always with a port: what credentials belong to.

    Raises:
        ValueError: it is not an HTTP(S) URL.
    """
    end = url.find("/", 8)
    start = url if end < 0 else url[:end]
    known = _ORIGINS.get(start)
    if known is None:
        known = _origin(url)
        if len(_ORIGINS) < _MANY and "?" not in start and "#" not in start:
            _ORIGINS[start] = known
    return known


_ORIGINS: dict[str, str] = {}
_MANY = 1024
_PLAIN = re.compile(r"[!-~]+")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is not an HTTP(S) URL")
    if parts.username is not None:
        raise ValueError("contains credentials")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise ValueError("has an invalid port") from None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def check_url(url: str) -> None:
    """Raises ValueError for a URL that libcurl would reject or misinterpret."""
    if _PLAIN.fullmatch(url) is None and not all(
        char.isprintable() and not char.isspace() for char in url
    ):
        raise ValueError("contains characters that are not allowed in a URL")


def bare(url: str) -> str:
    """The URL without query and fragment, safe to display and store."""
    return url.partition("#")[0].partition("?")[0]


def checksum_transfer(transfer: Transfer) -> Transfer | None:
    """The transfer of a file's checksum file; None if it has none or needs none.

    The file's credentials are sent only to their own origin. Raises ValueError for an invalid URL.
    """
    file, own = transfer.file, transfer.request
    if file.checksum_url is None or file.checksum is not None:
        return None
    check_url(file.checksum_url)
    request = Request(file.checksum_url, ranges=False, missing=own.missing)
    if origin(file.checksum_url) == origin(own.url):
        request = replace(request, headers=own.headers, auth=own.auth)
    return transfer._replace(request=request, validator=None)
