"""One libcurl handle, set up once and used for many transfers."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

import pycurl

from backhaul.frozen import dataclass
from backhaul.http.proxies import Proxy
from backhaul.transfer.patience import Patience
from backhaul.transfer.trust import trust

_LISTS = {"content-encoding": ", ", "transfer-encoding": ", ", "set-cookie": "\n"}
_DEFAULT_HEADERS = ("Accept: */*", "Accept-Encoding: identity")

# The plain name is deprecated; pycurl does not have the other one in all versions.
_LENGTH = getattr(pycurl, "CONTENT_LENGTH_DOWNLOAD_T", pycurl.CONTENT_LENGTH_DOWNLOAD)


class Handle:
    """A reusable transfer; ``headers`` and ``on_data`` are the present one's.

    Args:
        on_data: called with (handle, bytes); returns what libcurl's write callback returns.
        patience: when a transfer counts as stalled.
        agent: the User-Agent.
        buffer: bytes that libcurl reads at once.
        authorities: path of the trusted certificates.
    """

    __slots__ = ("_custom", "_exact", "_proxied", "curl", "headers", "owner")

    def __init__(
        self,
        on_data: "Callable[[Handle, bytes], int | None]",
        *,
        patience: Patience,
        agent: str,
        buffer: int,
        authorities: str,
    ) -> None:
        curl = pycurl.Curl()
        self.curl = curl
        self.headers: list[bytes] = []
        self.owner: object = None
        self._custom = False
        self._exact = False  # the request target is set by itself
        self._proxied = False
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(
            pycurl.FOLLOWLOCATION, 0
        )  # redirects are ours: credentials stay where they belong
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.NETRC, 0)
        curl.setopt(pycurl.HTTP_CONTENT_DECODING, 0)  # see transfer.coding
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.PROXY, "")  # the environment is read in one place for both HTTP stacks
        trust(curl, authorities)
        curl.setopt(pycurl.USERAGENT, agent)
        curl.setopt(pycurl.CONNECTTIMEOUT, patience.connect)
        curl.setopt(pycurl.LOW_SPEED_TIME, patience.stall)
        curl.setopt(pycurl.LOW_SPEED_LIMIT, patience.floor)
        curl.setopt(pycurl.TCP_KEEPALIVE, 1)
        curl.setopt(pycurl.BUFFERSIZE, buffer)
        curl.setopt(pycurl.HTTPHEADER, list(_DEFAULT_HEADERS))
        curl.setopt(pycurl.HEADERFUNCTION, self.headers.append)
        curl.setopt(pycurl.WRITEFUNCTION, partial(on_data, self))

    @property
    def announced(self) -> bool:
        """Whether an answer that went well said where it ends.

        With a Content-Length, or in chunks of which the last is marked: libcurl holds the server to
        both. Otherwise the answer ended when the connection did.
        """
        return self.curl.getinfo(_LENGTH) >= 0 or _is_chunked(self.headers)

    def go_on(self) -> None:
        """Ends a pause."""
        with suppress(pycurl.error):  # its callback refused the bytes: the loop hears of it next
            self.curl.pause(pycurl.PAUSE_CONT)

    def use_proxy(self, proxy: Proxy | None) -> None:
        """Says by which proxy the next transfer goes; libcurl reads no environment of its own."""
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
        """Has escapes sent as they are: libcurl 8.20 and later turn ``%2b`` into ``%2B``.

        A signature may cover the path byte for byte.
        """
        self._exact = True  # from now on: pycurl cannot unset this option
        target = url.partition("#")[0]
        if not (self._proxied and url.startswith("http:")):
            behind = target.partition("://")[2]
            start = next((place for place, char in enumerate(behind) if char in "/?"), len(behind))
            target = behind[start:] if behind[start : start + 1] == "/" else f"/{behind[start:]}"
        self.curl.setopt(pycurl.REQUEST_TARGET, target if target.isascii() else target.encode())

    def prepare(self, url: str, extra: Sequence[str]) -> None:
        """Sets the next transfer's URL and the headers that it needs beyond the usual ones."""
        self.headers.clear()
        self.curl.setopt(pycurl.URL, url if url.isascii() else url.encode())
        if "%" in url or self._exact:
            self._send_exactly(url)
        if extra or self._custom:
            self.curl.setopt(pycurl.HTTPHEADER, [*_DEFAULT_HEADERS, *extra])
            self._custom = bool(extra)


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of an answer; names in lower case.

    Of several headers with one name the last counts, but codings and cookies add up; there is one
    cookie a line.
    """

    status: int
    headers: Mapping[str, str]

    @classmethod
    def parse(cls, lines: Sequence[bytes]) -> "Head":
        """Reads header lines; of several heads (100 Continue, a proxy's) the last."""
        first = 0
        for number, line in enumerate(lines):
            if line.startswith(b"HTTP/"):
                first = number
        try:
            status = int(lines[first].split(None, 2)[1])
        except (IndexError, ValueError):
            status = 0
        headers: dict[str, str] = {}
        for line in lines[first + 1 :]:
            before, colon, after = line.partition(b":")
            if colon:
                name = before.decode("latin-1").strip().lower()
                value = after.decode("latin-1").strip()
                if name in _LISTS and name in headers:
                    value = f"{headers[name]}{_LISTS[name]}{value}"
                headers[name] = value
        return cls(status, headers)


def is_plain_200(lines: Sequence[bytes]) -> bool:
    """Whether an answer is a 200 and nothing came before it.

    Told without reading the whole head. Behind a proxy the first head is the proxy's answer to
    CONNECT (RFC 9110, section 9.3.6), which says nothing of the file. An answer with a content
    coding is not plain.
    """
    if not lines or lines[0][9:12] != b"200":
        return False
    head = b"".join(lines).lower()
    return b"\nhttp/" not in head and b"\ncontent-encoding:" not in head


def _is_chunked(lines: Sequence[bytes]) -> bool:
    codings = Head.parse(lines).headers.get("transfer-encoding", "")
    return codings.rpartition(",")[2].strip().lower() == "chunked"
