"""Checks the way to a server: proxy, name, connection, certificate, and the difference of the clocks."""

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from backhaul.doctor.finding import Finding
from backhaul.errors import BackhaulError, ConfigError, ExitCode, FailureKind
from backhaul.http.connecting import Handshaking, Until, connect
from backhaul.http.origins import origin
from backhaul.http.proxies import Proxies, Proxy
from backhaul.http.session import Http, HttpLimits
from backhaul.http.tls import ca_bundle
from backhaul.oserrors import describe

SECONDS = 10.0
"""For a connection, and for an answer."""
_SOON = 14 * 86400  # seconds before a certificate expires
_NOTICED = 30.0  # seconds of clock difference
_REFUSED = 300.0  # seconds of clock difference that signed requests do not survive
_PROXY_REFUSES = 407
_SERVER_ERROR = 500
_CERTIFICATES = {
    9: ("the certificate is not valid yet", "set this machine's clock if it is wrong"),
    10: ("the certificate has expired", "renew it on the server; set this machine's clock if it is wrong"),
    18: ("the certificate is self-signed", "if it is the right server, name its certificate in SSL_CERT_FILE"),
    19: ("the certificate's authority is not trusted", "name the authority's certificate in SSL_CERT_FILE"),
    20: ("the certificate's authority is not trusted", "name the authority's certificate in SSL_CERT_FILE"),
    21: ("the certificate's chain is not complete", "add the intermediate certificates on the server"),
    62: ("the certificate is for another host", "correct the host in the URL, or the server's certificate"),
    64: ("the certificate is for another address", "use the host's name in the URL, or correct the server's certificate"),
}  # fmt: skip
_OTHERWISE = "check the server's certificate and what is between here and there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server to check.

    Attributes:
        url: its origin: scheme, host and port.
        agent: the User-Agent; None for backhaul and its version.
    """

    url: str
    agent: str | None = None

    def examine(self, stop: Event) -> Iterator[Finding]:
        """Yields what was found, from the name to the answer; ends at the first that failed."""
        try:
            proxy = Proxies().of(self.url)
        except ConfigError as error:
            yield Finding.of_error("proxy", self.url, error)
            return
        steps = self._direct(stop) if proxy is None else self._through(proxy, stop)
        for finding in steps:
            yield finding
            if finding.exit_code:
                return
        yield from self._answer(stop)

    def _through(self, proxy: Proxy, stop: Event) -> Iterator[Finding]:
        parts = urlsplit(proxy.url)
        try:
            connect(parts.hostname or "", parts.port or 0, _until(stop)).close()
        except OSError as error:
            yield Finding.failed(
                "proxy", self.url, f"{proxy} cannot be reached: {describe(error)}",
                f"correct or unset {proxy.variable}, or list the host in no_proxy",
                ExitCode.UNREACHABLE,
            )  # fmt: skip
        else:
            yield Finding.ok("proxy", self.url, f"through {proxy}")

    def _direct(self, stop: Event) -> Iterator[Finding]:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or 0
        try:
            sock = connect(host, port, _until(stop))
        except socket.gaierror as error:
            yield Finding.failed(
                "dns", self.url, f"{host} cannot be resolved: {error.strerror}",
                "check the spelling of the host, and this machine's name server",
                ExitCode.UNREACHABLE,
            )  # fmt: skip
            return
        except OSError as error:
            yield Finding.failed(
                "connection", self.url, f"port {port} of {host}: {describe(error)}",
                "check the port, the firewall, and whether a proxy is needed (https_proxy)",
                ExitCode.UNREACHABLE,
            )  # fmt: skip
            return
        with closing(sock):
            address = sock.getpeername()[0]
            yield Finding.ok("connection", self.url, f"{host} is {address}, port {port} is open")
            if parts.scheme == "https":
                yield self._tls(sock, host, stop)

    def _tls(self, sock: socket.socket, host: str, stop: Event) -> Finding:
        try:
            context = _context()
            sock.settimeout(SECONDS)
            Handshaking.current.until = _until(stop)
            with context.wrap_socket(sock, server_hostname=host) as secured:
                return self._of_certificate(secured)
        except ssl.SSLCertVerificationError as error:
            what, advice = _CERTIFICATES.get(error.verify_code, (error.verify_message, _OTHERWISE))
            now = f" (this machine's clock says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC)"
            what += now if error.verify_code in {9, 10} else ""
            return Finding.failed("tls", self.url, what, advice, ExitCode.UNREACHABLE)
        except ConfigError as error:
            return Finding.of_error("tls", self.url, error)
        except OSError as error:
            what = f"no secure connection: {getattr(error, 'reason', None) or describe(error)}"
            advice = "check the port, and that the server speaks TLS there"
            return Finding.failed("tls", self.url, what, advice, ExitCode.UNREACHABLE)
        finally:
            Handshaking.current.until = None

    def _of_certificate(self, secured: ssl.SSLSocket) -> Finding:
        ends = str((secured.getpeercert() or {}).get("notAfter", ""))
        moment = ssl.cert_time_to_seconds(ends) if ends else time.time() + 2 * _SOON
        until = datetime.fromtimestamp(moment, UTC)
        what = f"{secured.version()}, certificate valid until {until:%Y-%m-%d}"
        if moment - time.time() < _SOON:
            return Finding.warning("tls", self.url, what, "have it renewed on the server")
        return Finding.ok("tls", self.url, what)

    def _answer(self, stop: Event) -> Iterator[Finding]:
        limits = HttpLimits(connect=SECONDS, read=SECONDS, total=SECONDS, retries=0)
        with Http(stop=stop, limits=limits, agent=self.agent) as http:
            try:
                answer = http.head(f"{self.url}/", allow=range(400, 600), allow_redirects=False)
            except BackhaulError as error:
                yield Finding.of_error("http", self.url, error)
                return
            if answer.status_code == _PROXY_REFUSES:
                yield Finding.failed(
                    "proxy", self.url, "the proxy refuses the request (HTTP 407)",
                    "set the proxy's user and password: http://user:password@host:port",
                    ExitCode.AUTH,
                )  # fmt: skip
            elif answer.status_code >= _SERVER_ERROR:
                yield Finding.warning(
                    "http", self.url, f"answers HTTP {answer.status_code}",
                    "see whether the service is down, or run again later",
                )  # fmt: skip
            else:
                yield Finding.ok("http", self.url, f"answers HTTP {answer.status_code}")
            if http.clock_offset is not None:
                yield clock(self.url, http.clock_offset)


def clock(subject: str, offset: float) -> Finding:
    """Judges by how many seconds this machine's clock is ahead of a server's."""
    what = f"this machine's clock is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the server's"
    if abs(offset) > _REFUSED:
        advice = FailureKind.SKEWED.advice
        return Finding.failed("clock", subject, what, advice, FailureKind.SKEWED.exit_code)
    if abs(offset) > _NOTICED:
        return Finding.warning("clock", subject, what, "synchronize this machine's clock (NTP)")
    return Finding.ok("clock", subject, f"differs by {abs(offset):.0f} s")


def origins_of(urls: Iterable[str]) -> list[str]:
    """The origins of URLs, each once; fields of a template in the host cannot be checked."""
    found: dict[str, None] = {}
    for url in urls:
        if not url.startswith(("http://", "https://")):
            continue
        try:
            place = origin(url)
        except BackhaulError:
            continue  # loading the configuration has reported it
        if "{" not in place:
            found[place] = None
    return list(found)


def _until(stop: Event) -> Until:
    return Until(deadline=time.monotonic() + SECONDS, seconds=SECONDS, stop=stop)


def _context() -> ssl.SSLContext:
    bundle = Path(ca_bundle())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = Handshaking
    context.load_verify_locations(
        cafile=None if bundle.is_dir() else bundle, capath=bundle if bundle.is_dir() else None
    )
    return context
