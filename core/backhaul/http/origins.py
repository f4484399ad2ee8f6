"""Which origins may receive credentials, and the rules for redirects. Pure functions.

Matters where Basic auth meets signed links: an API redirects to a storage host, which rejects or, worse,
records credentials meant for the API.
"""

from urllib.parse import urljoin, urlsplit, urlunsplit

from backhaul.errors import ProviderError

MAX_REDIRECTS = 10  # in a chain, for API calls and file transfers alike
# Headers that may be sent to another origin; any other may contain a credential.
ALLOWED_ELSEWHERE = frozenset(
    {"accept", "accept-encoding", "accept-language", "user-agent", "range", "if-range"}
)
_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> str:
    """Scheme, host and port, including a default port. Raises ProviderError for an invalid URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme.lower()]
    except (ValueError, KeyError):
        raise ProviderError(f"not an HTTP(S) URL: {bare(url)}") from None
    if not parts.hostname:
        raise ProviderError(f"not an HTTP(S) URL: {bare(url)}")
    return f"{parts.scheme.lower()}://{bracketed(parts.hostname.lower())}:{port}"


def bracketed(host: str) -> str:
    """A host as in a URL, where IPv6 addresses are in brackets."""
    return f"[{host}]" if ":" in host else host


def bare(url: str) -> str:
    """The URL for messages: without user, query and fragment, on one line."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(invalid URL)"
    host = parts.netloc.rpartition("@")[2]
    text = urlunsplit((parts.scheme, host, parts.path, "", ""))
    return "".join(character if character.isprintable() else "?" for character in text)


def location_url(location: str) -> str:
    """Percent-encodes spaces and non-ASCII characters in a Location header.

    Header lines are decoded as Latin-1, which preserves their bytes. Existing escapes stay as they are.
    """
    return "".join(
        char if "!" <= char <= "~" else f"%{ord(char):02X}" if char == " " or char > "~" else char
        for char in location.strip()
    )


def redirect_target(url: str, location: str) -> str:
    """The URL that a Location header leads to; an absolute one is kept byte for byte.

    Raises ProviderError for schemes other than http and https, and for https to http.
    """
    try:
        target = urljoin(url, location_url(location))
    except ValueError:
        raise ProviderError(f"{bare(url)} redirects to an invalid URL") from None
    scheme = urlsplit(target).scheme.lower()
    if scheme not in _PORTS:
        raise ProviderError(f"{bare(url)} redirects to {scheme}:, which is not followed")
    if scheme == "http" and urlsplit(url).scheme.lower() == "https":
        raise ProviderError(f"{bare(url)} redirects from https to http, which is not followed")
    parts = urlsplit(target)
    if "@" in parts.netloc:
        # Never use a user and password from a Location header.
        target = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    origin(target)
    return target


def is_allowed_elsewhere(header: str) -> bool:
    """Whether a header may be sent to another origin."""
    return header.lower() in ALLOWED_ELSEWHERE
