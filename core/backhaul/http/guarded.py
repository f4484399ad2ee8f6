"""Socket reads that observe the stop event, a read timeout and a total time per response.

requests limits each read, so a server that sends one byte per second blocks a call forever, and a
blocked read cannot be interrupted. Here each read waits in short slices that check the call's deadline
and the stop event, for headers and body alike. See ``connecting`` for how connections are opened.
"""

import http.client
import io
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import wait_for_read
from urllib3.util.ssl_ import create_urllib3_context, resolve_cert_reqs

from backhaul.errors import FailureKind, InterruptedRunError, UnreachableError
from backhaul.http.connecting import SLICE, Handshaking, TimeLimit, awaited, connect
from backhaul.http.credentials import basic
from backhaul.http.proxies import Proxy


class _Current(threading.local):
    bounds: TimeLimit | None = None


_current = _Current()


@contextmanager
def bounded(total: float, stop: threading.Event | None) -> Iterator[None]:
    """Limits all reads of this thread in the block to `total` seconds, or until `stop` is set.

    They raise UnreachableError (kind timeout) or InterruptedRunError.
    """
    before = _current.bounds
    _current.bounds = TimeLimit(deadline=time.monotonic() + total, seconds=total, stop=stop)
    try:
        yield
    finally:
        _current.bounds = before


class _Reader(io.RawIOBase):
    """Reads from a socket once data is available."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        # makefile keeps the socket open until the response is read; http.client relies on it.
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        bounds = _current.bounds
        if bounds is not None:
            _wait(self._sock, bounds)
        read: int | None = self._raw.readinto(buffer)
        return read

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def _wait(sock: Any, bounds: TimeLimit) -> None:
    pending = getattr(sock, "pending", None)
    if pending is not None and pending():
        return
    patience = sock.gettimeout()
    give_up = None if patience is None else time.monotonic() + patience
    while True:
        if bounds.stop is not None and bounds.stop.is_set():
            raise InterruptedRunError("interrupted")
        now = time.monotonic()
        if now >= bounds.deadline:
            error = UnreachableError(f"the response did not complete within {bounds.seconds:g} s")
            error.kind = FailureKind.TIMEOUT
            raise error
        if give_up is not None and now >= give_up:
            raise TimeoutError("timed out")
        if wait_for_read(sock, timeout=min(SLICE, bounds.deadline - now)):
            return


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Reader(sock))


class _Opened(HTTPConnection):
    """A connection opened by ``connecting``."""

    response_class = _Response

    def _new_conn(self) -> socket.socket:
        until = _until(self.timeout)
        Handshaking.current.until = until
        try:
            sock = connect(
                self._dns_host,
                self.port,
                until,
                options=self.socket_options or (),
                source=self.source_address,
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        sock.settimeout(self.timeout)
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock


class _Connection(_Opened):
    pass


class _Handshaken(HTTPSConnection):
    def connect(self) -> None:
        if self.ssl_context is None:
            self.ssl_context = create_urllib3_context(cert_reqs=resolve_cert_reqs(self.cert_reqs))
        self.ssl_context.sslsocket_class = Handshaking
        try:
            super().connect()
        except TimeoutError as error:  # urllib3 would take it for a read timeout
            raise ConnectTimeoutError(self, str(error)) from error


class _SecureConnection(_Opened, _Handshaken):
    pass


class _ThroughSocks(HTTPConnection):
    """A connection through a SOCKS proxy: PySocks negotiates in calls that cannot be interrupted."""

    response_class = _Response

    def _new_conn(self) -> Any:  # PySocks' own socket
        until = _until(self.timeout)
        Handshaking.current.until = until
        try:
            return awaited(
                super()._new_conn,
                until,
                "the proxy did not connect",
                "SOCKS proxy",
                discard=lambda sock: sock.close(),
            )
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error


def _until(timeout: Any) -> TimeLimit:
    """The time limit for a connection: its own timeout or the rest of the call's, if shorter."""
    bounds, now = _current.bounds, time.monotonic()
    seconds = timeout if isinstance(timeout, int | float) else threading.TIMEOUT_MAX
    if bounds is not None and bounds.deadline < now + seconds:
        return bounds
    stop = None if bounds is None else bounds.stop
    return TimeLimit(deadline=now + seconds, seconds=seconds, stop=stop)


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection  # type: ignore[assignment,unused-ignore]  # urllib3's protocol is narrower than its class


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection  # type: ignore[assignment,unused-ignore]  # as above


_POOLS = {"http": _Pool, "https": _SecurePool}


@cache
def _socks_pools() -> dict[str, Any]:
    from urllib3.contrib import socks  # noqa: PLC0415 - needs PySocks

    class Connection(_ThroughSocks, socks.SOCKSConnection):
        pass

    class SecureConnection(_ThroughSocks, _Handshaken, socks.SOCKSHTTPSConnection):
        pass

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection  # type: ignore[assignment,unused-ignore]  # as above

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = SecureConnection  # type: ignore[assignment,unused-ignore]  # as above

    return {"http": Pool, "https": SecurePool}


def proxied(proxy: Proxy) -> str:
    """A proxy URL for requests; its credentials are percent-encoded UTF-8."""
    if proxy.user is None:
        return proxy.url
    scheme, _, host = proxy.url.partition("://")
    password = "" if proxy.password is None else f":{quote(proxy.password, safe='')}"
    return f"{scheme}://{quote(proxy.user, safe='')}{password}@{host}"


class GuardedAdapter(HTTPAdapter):
    """An adapter whose reads observe the call's limits, also through proxies."""

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Encode the credentials in UTF-8, like libcurl; requests would use Latin-1."""
        parts = urlsplit(proxy)
        if parts.username is None:
            return {}
        return {
            "Proxy-Authorization": basic(unquote(parts.username), unquote(parts.password or ""))
        }

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        socks = proxy.lower().startswith("socks")
        manager.pool_classes_by_scheme = _socks_pools() if socks else _POOLS
        return manager
