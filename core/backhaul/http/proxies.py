"""Selects the proxy for a URL: one reading of the environment, for API calls and transfers."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

from backhaul import redact
from backhaul.errors import ConfigError
from backhaul.http.origins import bracketed

_SCHEMES = {
    "http": 80,
    "https": 443,
    "socks4": 1080,
    "socks4a": 1080,
    "socks5": 1080,
    "socks5h": 1080,
}
_EXAMPLE = (
    "use http://user:password@host:port and percent-encode special characters, e.g. %23 for #"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy.

    Attributes:
        url: scheme, host and port, without credentials.
        user, password: None if not set.
        variable: the environment variable that sets it.
    """

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    variable: str

    def __str__(self) -> str:
        """For messages."""
        return f"proxy {self.url} ({self.variable})"


class Proxies:
    """The proxies set in the environment.

    ``http_proxy``, ``https_proxy`` and ``all_proxy`` are read in lower case first, then in upper case.
    ``no_proxy`` lists destinations to connect to directly: hosts with their subdomains (leading and
    trailing dots are ignored), addresses and networks (10.0.0.0/8), each optionally with a port, or ``*``.

    Raises:
        ConfigError: a variable is not a valid proxy URL.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        env = os.environ if environment is None else environment
        general = _read(env, "all_proxy")
        self._by_scheme = {
            scheme: found
            for scheme in ("http", "https")
            if (found := _read(env, f"{scheme}_proxy") or general) is not None
        }
        self._direct = [
            _Direct(word) for word in _value(env, "no_proxy")[1].replace(",", " ").split()
        ]
        self._known: dict[tuple[str, str, int], Proxy | None] = {}

    def __bool__(self) -> bool:
        """Whether any proxy is set."""
        return bool(self._by_scheme)

    def of(self, url: str) -> Proxy | None:
        """The proxy for the URL; None to connect directly."""
        if not self._by_scheme:
            return None
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
        origin = (scheme, host, parts.port or _SCHEMES.get(scheme, 0))
        if origin not in self._known:
            direct = any(entry.covers(host, origin[2]) for entry in self._direct)
            self._known[origin] = None if direct else self._by_scheme.get(scheme)
        return self._known[origin]


def require_socks(proxy: Proxy) -> None:
    """Raises ConfigError if API calls cannot use the proxy because a package is missing."""
    if proxy.url.startswith("socks") and find_spec("socks") is None:
        raise ConfigError(
            f"{proxy.variable} names a SOCKS proxy; API calls through it need PySocks:"
            " pip install PySocks"
        )


def refused_by(proxy: Proxy | None) -> str:
    """What to do about a 407, and with which proxy."""
    name = "a proxy" if proxy is None else f"the {proxy}"
    return f"HTTP 407: {name} rejected or requires credentials; set them in its URL"


class _Direct:
    """An entry of ``no_proxy``."""

    def __init__(self, word: str) -> None:
        self._all = word == "*"
        self._network: IPv4Network | IPv6Network | None = None
        self._port: int | None = None
        host = word
        if word.startswith("["):
            host, _, port = word[1:].partition("]")
            self._port = _port(port.removeprefix(":"))
        elif word.count(":") == 1:
            host, _, port = word.partition(":")
            self._port = _port(port)
        try:
            self._network = ip_network(host, strict=False)
        except ValueError:
            self._network = None
        self._host = host.lower().strip(".")

    def covers(self, host: str, port: int) -> bool:
        """Whether to connect to the host directly."""
        if self._port not in {None, port}:
            return False
        if self._all:
            return True
        if self._network is not None:
            address = _address(host)
            return address is not None and address in self._network
        return bool(self._host) and (host == self._host or host.endswith(f".{self._host}"))


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _port(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _value(env: Mapping[str, str], name: str) -> tuple[str, str]:
    """The name of the variable that is set, and its value; lower case first, like curl."""
    for spelling in (name, name.upper()):
        value = env.get(spelling, "").strip()
        if value:
            return spelling, value
    return name, ""


def _read(env: Mapping[str, str], name: str) -> Proxy | None:
    variable, value = _value(env, name)
    if not value:
        return None
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port
    except ValueError:
        raise ConfigError(f"{variable} is not a valid proxy URL; {_EXAMPLE}") from None
    scheme = "socks5" if parts.scheme == "socks" else parts.scheme.lower()
    odd = parts.query or parts.fragment or parts.path not in {"", "/"} or "#" in value
    if scheme not in _SCHEMES or not parts.hostname or odd or " " in value:
        raise ConfigError(f"{variable} is not a valid proxy URL; {_EXAMPLE}")
    host = bracketed(parts.hostname)
    default = 1080 if scheme.startswith("socks") else _SCHEMES[scheme]
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    if password:
        redact.register(password, user=user)
    return Proxy(
        url=f"{scheme}://{host}:{port or default}", user=user, password=password, variable=variable
    )
