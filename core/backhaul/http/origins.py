"""Where credentials may go: origins, and the rules for redirects. Pure functions.

Signed links and Basic auth meet here: an API answers 302 to a storage host, and that host refuses,
or worse keeps, credentials which were meant for the API.
"""

from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit, urlunsplit

from backhaul.errors import ProviderError

MAX_REDIRECTS = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What another origin may see of a request; all other headers may carry a credential.
ALLOWED_ELSEWHERE = frozenset(
    {"accept", "accept-encoding", "accept-language", "user-agent", "range", "if-range"}
)
_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> str:
    """Scheme, host and port, the default port spelt out. Raises ProviderError for no such URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme.lower()]
    except (ValueError, KeyError):
        raise ProviderError(f"not an http or https URL: {bare(url)}") from None
    if not parts.hostname:
        raise ProviderError(f"not an http or https URL: {bare(url)}")
    return f"{parts.scheme.lower()}://{parts.hostname.lower()}:{port}"


def bare(url: str) -> str:
    """The URL as messages may name it: without user, query and fragment, on one line."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(a URL that cannot be read)"
    host = parts.netloc.rpartition("@")[2]
    text = urlunsplit((parts.scheme, host, parts.path, "", ""))
    return "".join(character if character.isprintable() else "?" for character in text)


def location_url(location: str) -> str:
    """A Location header's value as a URL that can be sent: spaces and what is not ASCII encoded.

    Header lines are read as Latin-1, which keeps their bytes; escapes in it stay as they are.
    """
    return "".join(
        char if "!" <= char <= "~" else f"%{ord(char):02X}" if char == " " or char > "~" else char
        for char in location.strip()
    )


def redirect_target(url: str, location: str) -> str:
    """The URL that a Location header leads to, kept byte for byte where it is absolute.

    Raises ProviderError for schemes other than http and https, and for https to http.
    """
    try:
        target = urljoin(url, location_url(location))
    except ValueError:
        raise ProviderError(f"{bare(url)} redirects to a URL that cannot be read") from None
    scheme = urlsplit(target).scheme.lower()
    if scheme not in _PORTS:
        raise ProviderError(f"{bare(url)} redirects to {scheme}:, which is not followed")
    if scheme == "http" and urlsplit(url).scheme.lower() == "https":
        raise ProviderError(f"{bare(url)} redirects from https to http, which is not followed")
    parts = urlsplit(target)
    if "@" in parts.netloc:
        # A user and password in a Location are nobody's that we know of.
        target = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    origin(target)
    return target


def is_allowed_elsewhere(header: str, more: Iterable[str] = ()) -> bool:
    """Whether a header may go along to another origin."""
    name = header.lower()
    return name in ALLOWED_ELSEWHERE or name in more
