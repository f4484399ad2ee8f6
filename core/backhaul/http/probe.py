"""Opens a connection to a server one step at a time, to find out which step fails."""

import socket
import ssl
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import NamedTuple
from urllib.parse import urlsplit

from backhaul.errors import BackhaulError
from backhaul.http.connecting import Handshaking, TimeLimit, connect
from backhaul.http.origins import origin
from backhaul.http.proxies import Proxies, Proxy
from backhaul.http.tls import ca_bundle


class Secured(NamedTuple):
    """What a TLS handshake has shown.

    Attributes:
        protocol: the version of TLS, such as ``TLSv1.3``.
        ends: when the server's certificate expires.
    """

    protocol: str
    ends: datetime


class ServerProbe:
    """The way to a server: the proxy, the connection, TLS. To be closed.

    Args:
        url: the server's origin: scheme, host and port.
        seconds: the time limit for each step.
        stop: ends every step when set, with InterruptedRunError.
    """

    def __init__(self, url: str, *, seconds: float, stop: Event) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 0
        self.is_tls = parts.scheme == "https"
        self._url, self._seconds, self._stop = url, seconds, stop
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Closes the connection."""
        if self._socket is not None:
            self._socket.close()

    @cached_property
    def proxy(self) -> Proxy | None:
        """The proxy that the environment sets for the URL. Raises ConfigError if it is invalid."""
        return Proxies().of(self._url)

    def connect(self) -> str:
        """Connects to the server, or to its proxy; returns the address.

        Raises socket.gaierror if the name cannot be resolved, else OSError.
        """
        host, port = self.host, self.port
        if self.proxy is not None:
            parts = urlsplit(self.proxy.url)
            host, port = parts.hostname or "", parts.port or 0
        self._socket = connect(host, port, self._until())
        return str(self._socket.getpeername()[0])

    def secure(self) -> Secured:
        """Performs the TLS handshake, once connected without a proxy.

        Raises ssl.SSLCertVerificationError, OSError; ConfigError if the trusted certificates are missing.
        """
        assert self._socket is not None  # noqa: S101 - connected
        context = _context()
        self._socket.settimeout(self._seconds)
        Handshaking.current.until = self._until()
        try:
            self._socket = secured = context.wrap_socket(self._socket, server_hostname=self.host)
        finally:
            Handshaking.current.until = None
        ends = str((secured.getpeercert() or {})["notAfter"])  # X.509 knows no certificate without
        moment = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
        return Secured(str(secured.version()), moment)

    def _until(self) -> TimeLimit:
        deadline = time.monotonic() + self._seconds
        return TimeLimit(deadline=deadline, seconds=self._seconds, stop=self._stop)

    @staticmethod
    def origins(texts: Iterable[str]) -> list[str]:
        """The origins of those texts that are URLs, each once; not those with a template's field in the host."""
        found: dict[str, None] = {}
        for url in texts:
            if not url.startswith(("http://", "https://")):
                continue
            try:
                place = origin(url)
            except BackhaulError:
                continue  # loading the configuration has reported it
            if "{" not in place:
                found[place] = None
        return list(found)


def _context() -> ssl.SSLContext:
    bundle = Path(ca_bundle())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = Handshaking
    context.load_verify_locations(
        cafile=None if bundle.is_dir() else bundle, capath=bundle if bundle.is_dir() else None
    )
    return context
