"""Checks the way to a server: proxy, host name, connection, certificate and clock; and a store and a cluster."""

import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event

from backhaul import BackhaulError, ConfigError, ExitCode, FailureKind, Http, HttpLimits
from backhaul.commands import Location, ServerProbe, describe, try_cluster, try_store
from backhaul_doctor.finding import Finding

SECONDS = 10.0
"""For a connection, and for an answer."""
_SOON = timedelta(days=14)  # before a certificate expires
_NOTICED = 30.0  # seconds of clock difference
_REFUSED = 300.0  # seconds of clock difference that signed requests do not survive
_PROXY_REFUSES = 407
_SERVER_ERROR = 500
_CERTIFICATES = {
    9: ("the certificate is not valid yet", "set this machine's clock if it is wrong"),
    10: ("the certificate has expired", "renew it on the server; set this machine's clock if it is wrong"),
    18: ("the certificate is self-signed", "if it is the right server, point SSL_CERT_FILE to its certificate"),
    19: ("the certificate's authority is not trusted", "point SSL_CERT_FILE to the authority's certificate"),
    20: ("the certificate's authority is not trusted", "point SSL_CERT_FILE to the authority's certificate"),
    21: ("the certificate chain is incomplete", "add the intermediate certificates on the server"),
    62: ("the certificate is for another host", "correct the host in the URL, or the server's certificate"),
    64: ("the certificate is for another address", "use the host's name in the URL, or correct the server's certificate"),
}  # fmt: skip
_OTHERWISE = "check the server's certificate, and any proxy in between"


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
        """Yields the findings, from the host name to the response; ends at the first failure."""
        with closing(ServerProbe(self.url, seconds=SECONDS, stop=stop)) as probe:
            try:
                steps = self._direct(probe) if probe.proxy is None else self._through(probe)
            except ConfigError as error:
                yield Finding.of_error("proxy", self.url, error)
                return
            for finding in steps:
                yield finding
                if finding.exit_code:
                    return
        yield from self._answer(stop)

    def _through(self, probe: ServerProbe) -> Iterator[Finding]:
        proxy = probe.proxy
        try:
            probe.connect()
        except OSError as error:
            yield Finding.failed(
                "proxy", self.url, f"{proxy} cannot be reached: {describe(error)}",
                f"correct or unset {proxy and proxy.variable}, or list the host in no_proxy",
                ExitCode.UNREACHABLE,
            )  # fmt: skip
        else:
            yield Finding.ok("proxy", self.url, f"through {proxy}")

    def _direct(self, probe: ServerProbe) -> Iterator[Finding]:
        host, port = probe.host, probe.port
        try:
            address = probe.connect()
        except socket.gaierror as error:
            yield Finding.failed(
                "dns", self.url, f"{host} cannot be resolved: {error.strerror}",
                "check the spelling of the host name, and this machine's name server",
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
        yield Finding.ok(
            "connection", self.url, f"{host} resolves to {address}, port {port} is open"
        )
        if probe.is_tls:
            yield self._tls(probe)

    def _tls(self, probe: ServerProbe) -> Finding:
        try:
            found = probe.secure()
        except ssl.SSLCertVerificationError as error:
            what, advice = _CERTIFICATES.get(error.verify_code, (error.verify_message, _OTHERWISE))
            now = f" (this machine's time is {datetime.now(UTC):%Y-%m-%d %H:%M} UTC)"
            what += now if error.verify_code in {9, 10} else ""
            return Finding.failed("tls", self.url, what, advice, ExitCode.UNREACHABLE)
        except ConfigError as error:
            return Finding.of_error("tls", self.url, error)
        except OSError as error:
            what = f"no secure connection: {getattr(error, 'reason', None) or describe(error)}"
            advice = "check that this is the right port, and that the server uses TLS there"
            return Finding.failed("tls", self.url, what, advice, ExitCode.UNREACHABLE)
        what = f"{found.protocol}, certificate valid until {found.ends:%Y-%m-%d}"
        if found.ends - datetime.now(UTC) < _SOON:
            return Finding.warning("tls", self.url, what, "renew it on the server")
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
                    "set the proxy's user and password in its URL: http://user:password@host:port",
                    ExitCode.AUTH,
                )  # fmt: skip
            elif answer.status_code >= _SERVER_ERROR:
                yield Finding.warning(
                    "http", self.url, f"responds with HTTP {answer.status_code}",
                    "check whether the service is down, or run again later",
                )  # fmt: skip
            else:
                yield Finding.ok("http", self.url, f"responds with HTTP {answer.status_code}")
            if http.clock_offset is not None:
                yield clock(self.url, http.clock_offset)


def clock(subject: str, offset: float) -> Finding:
    """Assesses by how many seconds this machine's clock is ahead of a server's."""
    what = f"this machine's clock is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the server's"
    if abs(offset) > _REFUSED:
        advice = FailureKind.SKEWED.advice
        return Finding.failed("clock", subject, what, advice, FailureKind.SKEWED.exit_code)
    if abs(offset) > _NOTICED:
        return Finding.warning("clock", subject, what, "synchronize this machine's clock (NTP)")
    return Finding.ok("clock", subject, f"differs by {abs(offset):.0f} s")


def examine_cluster(
    address: str, plugins: Mapping[str, str], archives: Collection[Location]
) -> Iterator[Finding]:
    """Asks the scheduler for its workers, and each of them for versions and access to the archives."""
    try:
        found = try_cluster(address, plugins=plugins, archives=archives)
    except BackhaulError as error:
        yield Finding.of_error("cluster", address, error)
        return
    usable = [worker for worker, why in found.items() if not why]
    for worker, why in found.items():
        if why and usable:
            yield Finding.warning("cluster", address, f"the worker {worker} {why}", _ADVICE)
        elif why:
            text = f"the worker {worker} {why}"
            yield Finding.failed("cluster", address, text, _ADVICE, ExitCode.USAGE)
    if usable:
        number = f"{len(usable)} worker" + ("s" if len(usable) > 1 else "")
        yield Finding.ok("cluster", address, f"{number} can be used")
    elif not found:
        advice = f"start some: dask worker {address}"
        yield Finding.failed("cluster", address, "has no worker", advice, ExitCode.UNREACHABLE)


_ADVICE = "see the page Fetch with many machines"


def examine_store(dest: Location) -> Iterator[Finding]:
    """Lists a prefix that no job uses, and creates and removes a lock there."""
    try:
        try_store(dest)
    except BackhaulError as error:
        yield Finding.of_error("store", str(dest), error)
    else:
        yield Finding.ok("store", str(dest), "readable and writable")


def endpoints(dest: Location) -> list[str]:
    """The origin of the store's endpoint, if one is configured."""
    url = None if dest.store is None else dest.store.endpoint
    return [] if url is None else ServerProbe.origins([url])
