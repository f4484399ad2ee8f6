"""`Http`, the requests session that hooks receive.

It retries, observes the provider's pace, limits every wait, follows redirects without leaking
credentials, and raises backhaul's errors.
"""

import logging
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from http.cookiejar import DefaultCookiePolicy
from typing import Any, BinaryIO, TypedDict, Unpack

import requests
import urllib3
from requests.auth import AuthBase

from backhaul import backoff
from backhaul.errors import BackhaulError, InterruptedRunError, ProviderError
from backhaul.http import answers, origins
from backhaul.http.cookies import ChainCookies
from backhaul.http.credentials import NoAuth, basic, revealed
from backhaul.http.guarded import GuardedAdapter, bounded, proxied
from backhaul.http.pacing import Pacer, SourcePace
from backhaul.http.proxies import Proxies, require_socks
from backhaul.http.redirects import give_cookies, redirected
from backhaul.http.tls import ca_bundle
from backhaul.secret import Secret
from backhaul.statuses import REDIRECTS
from backhaul.types import Pace
from backhaul.version import user_agent

log = logging.getLogger(__name__)

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# ValueError: requests' helpers raise it for redirects to an invalid URL.
_LIBRARY_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)

Auth = tuple[str, Secret | str] | AuthBase


class CallOptions(TypedDict, total=False):
    """Optional arguments of a call; see `Http.request`."""

    params: Any
    data: Any
    json: Any
    headers: Mapping[str, str | Secret] | None
    auth: Auth | None
    allow: Collection[int]
    allow_redirects: bool
    timeout: float | tuple[float, float] | None
    retry: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Limits of the session; all times in seconds.

    Attributes:
        connect: to establish a connection: name lookup, all addresses and TLS together.
        read: between two reads of a response.
        total: for a whole response, so that a slow server cannot block a call.
        patience: no attempt starts later than this after the first; a longer Retry-After fails the call at
            once.
        retries: attempts after the first.
        body: maximum size of a body in bytes, decompressed.
        download: maximum size in bytes of a body that is written to a file.
    """

    connect: float = 10.0
    read: float = 60.0
    total: float = 300.0
    patience: float = 300.0
    retries: int = 6
    body: int = 100_000_000
    download: int = 2_000_000_000


class Http(requests.Session):
    """A requests session for a provider's API.

    Args:
        pace: calls per second to each origin, from `ProviderInfo.pace`; sessions with an equal pace
            share it.
        stop: when set, every wait ends with InterruptedRunError.
        limits: timeouts, retries and sizes.
        agent: the User-Agent; None for backhaul and its version.

    Attributes:
        calls: requests sent so far, including retries and redirects.
        clock_offset: seconds by which the local clock is ahead of the server's (negative: behind),
            from the Date header; None before the first response that has one. Accurate to about a second.
        unended: the URL of a download that may have been cut short, since nothing marks its end; empty if
            there was none.
    """

    def __init__(
        self,
        *,
        pace: Pace | None = None,
        stop: threading.Event | None = None,
        limits: HttpLimits | None = None,
        agent: str | None = None,
    ) -> None:
        super().__init__()
        self.limits = limits or HttpLimits()
        self.calls = 0
        self.clock_offset: float | None = None
        self.unended = ""
        self._stop = stop or threading.Event()
        self.trust_env = False  # `proxies` reads the environment for both HTTP stacks
        self._pacer = Pacer.shared(pace)
        self._not_before = 0.0
        self._count = threading.Lock()
        self.headers["User-Agent"] = agent or user_agent()
        # Cookies last for one redirect chain only, see `_follow`.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, GuardedAdapter())

    def get(self, url: str, **options: Unpack[CallOptions]) -> requests.Response:  # type: ignore[override]  # deliberately narrower: no proxies, verify or stream
        """GET; see `request`."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Unpack[CallOptions]) -> requests.Response:  # type: ignore[override]  # as get
        """HEAD; see `request`."""
        return self.request("HEAD", url, **options)

    def post(self, url: str, **options: Unpack[CallOptions]) -> requests.Response:  # type: ignore[override]  # as get
        """POST; see `request`."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Unpack[CallOptions]) -> requests.Response:  # type: ignore[override]  # as get
        """PUT; see `request`."""
        return self.request("PUT", url, **options)

    def delete(self, url: str, **options: Unpack[CallOptions]) -> requests.Response:  # type: ignore[override]  # as get
        """DELETE; see `request`."""
        return self.request("DELETE", url, **options)

    def get_json(self, url: str, **options: Unpack[CallOptions]) -> Any:
        """GET a JSON value. Raises NotDataError if the response is not JSON."""
        return self.json_of(self.get(url, **options))

    def download(
        self, url: str, into: BinaryIO, **options: Unpack[CallOptions]
    ) -> requests.Response:
        """GET a body into a file, which is rewound afterwards; for responses of any length.

        Args:
            url: http or https.
            into: a file open for reading and writing, empty or to be overwritten.
            options: see `request`. The returned response has no body.
        """
        return self.request("GET", url, into=into, **options)

    def json_of(self, response: requests.Response) -> Any:
        """Parse the JSON body of a response. Raises NotDataError if it is not JSON."""
        where = f"{response.request.method} {origins.bare(response.url)}"
        return answers.parse_json(response.content, where)

    def request(  # type: ignore[override]  # deliberately narrower, and with `allow`
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        data: Any = None,
        json: Any = None,
        headers: Mapping[str, str | Secret] | None = None,
        auth: Auth | None = None,
        allow: Collection[int] = (),
        allow_redirects: bool = True,
        timeout: float | tuple[float, float] | None = None,
        retry: bool | None = None,
        into: BinaryIO | None = None,
    ) -> requests.Response:
        """Make one API call, with retries; the body has been read when it returns.

        Args:
            method: the HTTP method.
            url: http or https.
            params: the query; values may be Secret.
            data: a form or a body; a form's values may be Secret.
            json: a value to send as JSON.
            headers: values may be Secret.
            auth: (user, Secret) for HTTP Basic, or a requests auth object.
            allow: statuses of 400 and above to return instead of raising.
            allow_redirects: False returns the redirect itself.
            timeout: seconds between reads, or (connect, read).
            retry: whether to repeat the call after any failure; None: only GET, HEAD, OPTIONS, PUT and
                DELETE. A call that the server did not process (429, 503) is always repeated.
            into: a file for the body; see `download`.

        Raises:
            AuthError: 401, 402, 403, 407, 451.
            NotFoundError: 404, 410.
            ThrottledError: 429, after all retries.
            UnreachableError: no response, 409, 421, 423, 425 or 5xx, after all retries.
            ProviderError: other 4xx, 501, 505, 508, 510, redirects that are not followed.
            NotDataError: 511, a body above the limit.
            InterruptedRunError: `stop` was set.
        """
        method = method.upper()
        idempotent = method in _IDEMPOTENT if retry is None else retry
        prepared = self._prepared(
            method, url, headers or {}, auth, params=params, data=data, json=json
        )
        started = time.monotonic()
        attempt = 0
        while True:
            try:
                response = self._follow(prepared, timeout, into, follow=allow_redirects)
                error = answers.error_of(response, allow, self._proxies.of(url))
                if error is None:
                    return response
                cause: Exception | None = None
            except InterruptedRunError:
                raise
            except (BackhaulError, *_LIBRARY_ERRORS) as caught:
                error = answers.proxy_error(caught, self._proxies.of(url))
                error = error or answers.error_from(caught, method, url)
                cause = None if error is caught else caught
            wait = backoff.delay(attempt, error.retry_after)
            late = time.monotonic() - started + wait > self.limits.patience
            if (
                late
                or attempt >= self.limits.retries
                or not answers.is_worth_retrying(error, idempotent=idempotent, first=not attempt)
            ):
                raise error from cause
            log.info("%s; retrying in %.1f s", error, wait)
            if error.retry_after is not None:
                self._pacer.hold(error.retry_after, origins.origin(url))
            self._wait(wait)
            attempt += 1

    @cached_property
    def _proxies(self) -> Proxies:
        return Proxies()

    def keep_pace(self, pace: SourcePace) -> None:
        """Apply a source's own pace, shared by everything that sends requests for the source."""
        self._pacer = Pacer.shared(pace)

    def take_turn(self, url: str) -> None:
        """Wait until the pace allows a call to the URL's origin, which another client then makes.

        The call counts as one of this session. Raises InterruptedRunError on `stop`.
        """
        self._wait(self._not_before - time.monotonic())
        self._wait(self._pacer.reserve(origins.origin(url)))
        with self._count:
            self.calls += 1

    def pause(self, seconds: float) -> None:
        """Delay new calls of this session for a number of seconds; returns immediately."""
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Sleep in this thread only; other calls continue. Raises InterruptedRunError on `stop`."""
        self._wait(seconds)

    def _prepared(
        self, method: str, url: str, headers: Mapping[str, Any], auth: Auth | None, **body: Any
    ) -> requests.PreparedRequest:
        origins.origin(url)
        sent: dict[str, Any] = dict(revealed(headers))
        if isinstance(auth, tuple):
            sent["Authorization"] = basic(*auth)
            auth = None
        content = {name: revealed(value) for name, value in body.items()}
        request = requests.Request(method, url, sent, auth=auth or NoAuth(), **content)
        try:
            return self.prepare_request(request)
        except _LIBRARY_ERRORS as cause:
            raise answers.error_from(cause, method, url) from cause

    def _follow(
        self,
        prepared: requests.PreparedRequest,
        timeout: float | tuple[float, float] | None,
        into: BinaryIO | None,
        *,
        follow: bool,
    ) -> requests.Response:
        history: list[requests.Response] = []
        cookies = ChainCookies()
        own = prepared.headers.get("Cookie")
        while True:
            response = self._send(prepared, timeout, into)
            response.history = list(history)
            location = response.headers.get("Location")
            if not follow or response.status_code not in REDIRECTS or location is None:
                return response
            history.append(response)
            if len(history) > origins.MAX_REDIRECTS:
                raise ProviderError(f"more than {origins.MAX_REDIRECTS} redirects")
            cookies.take(prepared.url or "", response.raw.headers.getlist("Set-Cookie"))
            prepared = redirected(prepared, response.status_code, location)
            if "Cookie" not in prepared.headers:
                own = None  # dropped with the other headers when leaving the origin
            give_cookies(prepared, own, cookies)

    def _send(
        self,
        prepared: requests.PreparedRequest,
        timeout: float | tuple[float, float] | None,
        into: BinaryIO | None,
    ) -> requests.Response:
        url = prepared.url or ""
        self.take_turn(url)
        proxy = self._proxies.of(url)
        if proxy is not None:
            require_socks(proxy)
        if timeout is None:
            timeout = (self.limits.connect, self.limits.read)
        sent = time.time()
        with bounded(self.limits.total, self._stop):
            response = self.send(
                prepared,
                stream=True,
                allow_redirects=False,
                timeout=timeout,
                verify=ca_bundle(),
                cert=self.cert,
                proxies={} if proxy is None else {url.partition(":")[0].lower(): proxied(proxy)},
            )
            self._compare_clocks(response, sent)
            if into is None or not response.ok:
                answers.read_body(response, self.limits.body)
            else:
                answers.read_body(response, self.limits.download, into)
                if not answers.shows_end(response, into):
                    self.unended = origins.bare(url)
        return response

    def _compare_clocks(self, response: requests.Response, sent: float) -> None:
        there = backoff.parse_date(response.headers.get("Date"))
        if there is not None and "Age" not in response.headers:
            # The header has whole seconds: on average it is half a second old.
            self.clock_offset = (sent + time.time()) / 2 - (there + 0.5)

    def _wait(self, seconds: float) -> None:
        if self._stop.wait(seconds) if seconds > 0 else self._stop.is_set():
            raise InterruptedRunError("interrupted")


__all__ = ["Auth", "CallOptions", "Http", "HttpLimits"]
