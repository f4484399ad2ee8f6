"""A libcurl handle, configured once and reused for many transfers."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pycurl

from backhaul.http.proxies import Proxy
from backhaul.statuses import ERROR
from backhaul.transfer.body import Body
from backhaul.transfer.failures import words
from backhaul.transfer.head import Head, is_chunked
from backhaul.transfer.segments import Segment

if TYPE_CHECKING:
    from backhaul.config.settings import Settings

_KNOWN_FOR = 60  # seconds that resolved addresses are cached
_DEFAULT_HEADERS = ("Accept: */*", "Accept-Encoding: identity")

# The plain name is deprecated, but some pycurl versions lack the other one.
_LENGTH = getattr(pycurl, "CONTENT_LENGTH_DOWNLOAD_T", pycurl.CONTENT_LENGTH_DOWNLOAD)


class Handle:
    """A reusable handle; ``headers`` and ``on_data`` belong to the current transfer.

    Args:
        on_data: called with (handle, bytes); returns the result of libcurl's write callback.
        settings: how long a connection may take, and when a transfer counts as stalled.
        agent: the User-Agent.
        buffer: libcurl's read buffer size.
        authorities: path of the trusted certificates.

    Attributes:
        owner: receives the data; None if idle.
        segment: the segment being fetched, if the owner is fetched in segments.
    """

    __slots__ = (
        "_again",
        "_connect",
        "_custom",
        "_exact",
        "_proxied",
        "curl",
        "headers",
        "owner",
        "resuming",
        "segment",
    )

    def __init__(
        self,
        on_data: "Callable[[Handle, bytes], int | None]",
        *,
        settings: "Settings",
        agent: str,
        buffer: int,
        authorities: str,
    ) -> None:
        curl = pycurl.Curl()
        self.curl = curl
        self.headers: list[bytes] = []
        self.owner: Body | None = None
        self.segment: Segment | None = None
        self.resuming = False
        self._custom = False
        self._exact = False  # the request target is set separately
        self._proxied = False
        self._again = False
        self._connect = _seconds(settings.connect_timeout)
        curl.setopt(pycurl.DNS_CACHE_TIMEOUT, _KNOWN_FOR)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        # Backhaul follows redirects itself, to protect credentials.
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.NETRC, 0)
        curl.setopt(pycurl.HTTP_CONTENT_DECODING, 0)  # see transfer.coding
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.PROXY, "")  # `proxies` reads the environment for both HTTP stacks
        _trust(curl, authorities)
        curl.setopt(pycurl.USERAGENT, agent)
        curl.setopt(pycurl.CONNECTTIMEOUT, self._connect)
        curl.setopt(pycurl.LOW_SPEED_TIME, _seconds(settings.stall_timeout))
        curl.setopt(pycurl.LOW_SPEED_LIMIT, settings.stall_rate)
        curl.setopt(pycurl.TCP_KEEPALIVE, 1)
        curl.setopt(pycurl.BUFFERSIZE, buffer)
        curl.setopt(pycurl.HTTPHEADER, list(_DEFAULT_HEADERS))
        curl.setopt(pycurl.HEADERFUNCTION, self.headers.append)
        curl.setopt(pycurl.WRITEFUNCTION, partial(on_data, self))

    @property
    def announced(self) -> bool:
        """Whether a successful response announced its end.

        By Content-Length or by a final chunk, both of which libcurl enforces. Otherwise the response ended
        with the connection.
        """
        return self.curl.getinfo(_LENGTH) >= 0 or is_chunked(self.headers)

    def resume(self) -> None:
        """Resumes a paused transfer, unless it has ended in the meantime.

        The data that libcurl holds, at most a read buffer, must be accepted: version 8.16 ends a transfer
        that pauses again at this moment (CURLE_WRITE_ERROR; 8.17 does not).
        """
        if self.owner is None:
            return
        self.resuming = True
        with suppress(pycurl.error):  # its callback refused the data, which the loop handles next
            self.curl.pause(pycurl.PAUSE_CONT)
        self.resuming = False

    def release(self) -> None:
        """Clears the owner."""
        self.owner = None
        self.segment = None

    def words(self, error: int, message: str) -> str:
        """Describes libcurl's error; see ``failures.words``."""
        return words(self.curl, error, message, seconds=self._connect)

    def head(self) -> Head:
        """The head of the response, which may be the proxy's refusal to connect to the host."""
        status = int(self.curl.getinfo(pycurl.HTTP_CONNECTCODE)) if self._proxied else 0
        return Head.parse(self.headers)._replace(of_proxy=status >= ERROR)

    def look_up(self, *, again: bool) -> None:
        """Sets whether a new connection resolves the host again or uses cached addresses.

        After a failed attempt, the host may have moved to another address.
        """
        if again != self._again:
            self._again = again
            self.curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 0 if again else _KNOWN_FOR)

    def use_proxy(self, proxy: Proxy | None) -> None:
        """Sets the proxy of the next transfer; libcurl does not read the environment."""
        curl = self.curl
        self._proxied = proxy is not None and not proxy.url.startswith("socks")
        curl.setopt(pycurl.PROXY, "" if proxy is None else proxy.url)
        if proxy is not None and proxy.user is not None:
            curl.setopt(pycurl.PROXYUSERNAME, proxy.user.encode())
            curl.setopt(pycurl.PROXYPASSWORD, (proxy.password or "").encode())
        else:
            curl.unsetopt(pycurl.PROXYUSERNAME)
            curl.unsetopt(pycurl.PROXYPASSWORD)

    def _send_exactly(self, url: str) -> None:
        """Sends escapes unchanged: libcurl 8.20 and later turn ``%2b`` into ``%2B``.

        A signature may cover the path byte for byte.
        """
        self._exact = True  # permanently: pycurl cannot unset this option
        target = url.partition("#")[0]
        if not (self._proxied and url.startswith("http:")):
            behind = target.partition("://")[2]
            start = next((place for place, char in enumerate(behind) if char in "/?"), len(behind))
            target = behind[start:] if behind[start : start + 1] == "/" else f"/{behind[start:]}"
        self.curl.setopt(pycurl.REQUEST_TARGET, target if target.isascii() else target.encode())

    def prepare(self, url: str, extra: Sequence[str]) -> None:
        """Sets the next transfer's URL and its additional headers."""
        self.headers.clear()
        self.curl.setopt(pycurl.URL, url if url.isascii() else url.encode())
        if "%" in url or self._exact:
            self._send_exactly(url)
        if extra or self._custom:
            self.curl.setopt(pycurl.HTTPHEADER, [*_DEFAULT_HEADERS, *extra])
            self._custom = bool(extra)


def _seconds(span: timedelta) -> int:
    """Whole seconds, as libcurl takes them."""
    return max(1, round(span.total_seconds()))


def _trust(curl: pycurl.Curl, authorities: str) -> None:
    """Sets a handle's CA bundle: a file, or a folder prepared with OpenSSL's rehash."""
    if Path(authorities).is_dir():
        curl.unsetopt(pycurl.CAINFO)
        curl.setopt(pycurl.CAPATH, authorities)
    else:
        curl.setopt(pycurl.CAINFO, authorities)
