"""Redacts credentials: known secrets in every spelling, and signed queries.

Secrets are registered where they enter (the configuration) and where they are used (a request), so that
even debug output of libraries and messages of plugins are covered. Secrets of a single request, such as
its link's signature, are passed along with the text.

The text is searched both as it is and with escapes decoded (percent, HTML entities, JSON and Python
escapes, in several layers), so no list of spellings has to be complete. Time is linear in the length of
the text and in the number of secrets.
"""

import base64
import re
import threading
from array import array
from collections.abc import Callable, Collection, Iterator
from functools import cache

from backhaul.secret import Secret

MASK = "***"
_SHORT = 4  # secrets shorter than this are masked only as whole words
_LAYERS = 3  # nested escapes that are decoded
_ESCAPE = re.compile(
    rb"%(?P<percent>[0-9A-Fa-f]{2})"
    rb"|&(?P<entity>\#[0-9]{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"
    rb"|\\u(?P<unit>[0-9A-Fa-f]{4})"
    rb"|\\x(?P<byte>[0-9A-Fa-f]{2})"
    rb"|\\(?P<plain>[/\\\"'])"
)
_Replacement = str | Callable[[re.Match[str]], str]
_WORD = re.compile(rb"[\w\x80-\xff]")


class Redactor:
    """Replaces registered secrets with ``***``. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: tuple[bytes, ...] = ()
        self._known: set[tuple[str, str | None]] = set()

    def register(self, secret: Secret | str, *, user: str | None = None) -> None:
        """Register a secret; with `user`, also the pair as encoded by Basic auth."""
        text = secret.reveal() if isinstance(secret, Secret) else secret
        if (text, user) in self._known:
            return
        with self._lock:
            self._forms = tuple({*self._forms, *_forms(text, user)})
            self._known.add((text, user))

    def redact(self, text: str, own: Collection[str] = ()) -> str:
        """Remove secrets, signed queries, userinfo and Authorization values.

        Args:
            text: of any length.
            own: secrets of the request that the text responds to, see ``own_values``.
        """
        text = self.mask(text, own)
        if ":" not in text and "=" not in text and not _TARGET.search(text):
            return text  # as most texts, such as names of files
        for pattern, replacement in _patterns():
            text = pattern.sub(replacement, text)
        return text

    def mask(self, text: str, own: Collection[str] = ()) -> str:
        """Remove known secrets only; text that merely looks like a secret stays.

        Args:
            text: of any length.
            own: secrets of the request that the text responds to, see ``own_values``.
        """
        forms = self._forms
        if own:
            forms = (*forms, *(form for value in own for form in _forms(value, None)))
        return _mask(text, forms) if forms else text


def own_values(url: str, *, user: str = "", password: str = "") -> tuple[str, ...]:
    """Values of a request that must not appear in messages: its query values and credentials.

    Query values too short to be secrets are excluded.
    """
    query = url.partition("?")[2].partition("#")[0]
    values = [part.partition("=")[2] for part in query.split("&")]
    found = {value for value in values if len(value) >= _LEAST_OWN}
    found.update(each for each in (user, password) if each)
    if user or password:
        found.add(base64.b64encode(f"{user}:{password}".encode()).decode())
    return tuple(found)


_LEAST_OWN = 8


def _forms(text: str, user: str | None) -> Iterator[bytes]:
    """What to search for in decoded text: the secret itself and its base64 forms."""
    if not text.strip():
        return
    raw = text.encode("utf-8", "surrogatepass")
    plain = _undone(raw)[0]  # the secret itself may be escaped, like a link's query
    # Forms encode a space as "+"; base64 may lack its padding.
    yield from {raw, plain, raw.replace(b" ", b"+"), raw.rstrip(b"=") or raw}
    pairs = [raw] if user is None else [raw, user.encode("utf-8", "surrogatepass") + b":" + raw]
    for pair in pairs:
        yield pair
        for encoded in (base64.b64encode(pair), base64.urlsafe_b64encode(pair)):
            yield encoded
            yield encoded.rstrip(b"=")


def _mask(text: str, forms: Collection[bytes]) -> str:
    """Replaces every match with ``***``."""
    raw = text.encode("utf-8", "surrogatepass")
    spans: list[tuple[int, int]] = []
    layer = raw
    places: array[int] | None = None  # offset in `raw` of each byte of the layer
    for _ in range(_LAYERS + 1):
        for start, end in _found(layer, forms):
            spans.append((start, end) if places is None else (places[start], places[end]))
        undone, begins = _undone(layer)
        if begins is None:
            break
        layer = undone
        places = begins if places is None else array("L", [places[place] for place in begins])
    if not spans:
        return text
    kept: list[bytes] = []
    position = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= position:
            kept += (raw[position:start], MASK.encode())
        position = max(position, end)
    kept.append(raw[position:])
    return b"".join(kept).decode("utf-8", "surrogatepass")


def _found(layer: bytes, forms: Collection[bytes]) -> Iterator[tuple[int, int]]:
    for form in forms:
        whole_words = len(form) < _SHORT
        start = layer.find(form)
        while start >= 0:
            end = start + len(form)
            if not whole_words or not (
                _WORD.match(layer, max(0, start - 1), start) or _WORD.match(layer, end, end + 1)
            ):
                yield start, end
            start = layer.find(form, end)


def _undone(layer: bytes) -> "tuple[bytes, array[int] | None]":
    """Decodes one level of escapes; also returns each byte's offset in the input.

    The offsets have one more item, the input's length; None if there was nothing to decode.
    """
    found: list[bytes] = []
    places: array[int] = array("L")
    position = 0
    changed = False
    for match in _ESCAPE.finditer(layer):
        value = _value(match)
        if value is None:
            continue
        changed = True
        found += (layer[position : match.start()], value)
        places.extend(range(position, match.start()))
        places.extend([match.start()] * len(value))
        position = match.end()
    if not changed:
        return layer, None
    found.append(layer[position:])
    places.extend(range(position, len(layer) + 1))
    return b"".join(found), places


def _value(match: re.Match[bytes]) -> bytes | None:
    """What an escape stands for; None if invalid."""
    kind, text = match.lastgroup, match[match.lastgroup or 0]
    if kind in {"percent", "byte"}:
        return bytes([int(text, 16)])
    if kind == "unit":
        return chr(int(text, 16)).encode("utf-8", "surrogatepass")
    if kind == "plain":
        return text
    whole = match[0].decode("ascii")
    import html  # noqa: PLC0415 - its table of entities would cost each start 1 ms, and is seldom needed

    plain = html.unescape(whole)
    return None if plain == whole else plain.encode("utf-8", "surrogatepass")


# The slash comes first, since it can then be found quickly.
_TARGET = re.compile(r"/(?<![^\s\"'(]/)")
"""The start of a request target."""


@cache
def _patterns() -> "tuple[tuple[re.Pattern[str], _Replacement], ...]":
    """Patterns that look like credentials, with their replacements.

    Each pattern consumes everything it examines, so no text is scanned repeatedly.
    """
    return (
        # URLs: userinfo and the whole query, since any part of a signed link's query may be secret
        (re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]++://[^\s\"'<>\\]*+", re.IGNORECASE), _bare_url),
        # the query of a request target, as logged by urllib3, http.client and curl
        (re.compile(rf"{_TARGET.pattern}[^\s\"'<>\\)]*+"), _bare_target),
        # single query parameters
        (
            re.compile(
                r"\b(Signature|AWSAccessKeyId|X-(?:Amz|Goog)-[A-Za-z-]{1,40}|api_?key|sig|hmac"
                r"|Policy|Key-Pair-Id|access_token|token|password)=[^&\s\"'<>\\)]++",
                re.IGNORECASE,
            ),
            rf"\1={MASK}",
        ),
        # headers, plain, in the repr of a dict or of bytes; the optional b is not possessive because Python
        # before 3.11.5 then matches any b
        (
            re.compile(
                r"((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)"
                r"([\"']?\s*+[:=]\s*+(?:b(?=[\"'])|(?!b[\"']))[\"']?+)(?!\*{3})[^\r\n\"'\\]+",
                re.IGNORECASE,
            ),
            rf"\1\2{MASK}",
        ),
    )


def _bare_url(match: re.Match[str]) -> str:
    scheme, _, rest = match[0].partition("://")
    end = next((place for place, char in enumerate(rest) if char in "/?#"), len(rest))
    host, rest = rest[:end], rest[end:]
    if "@" in host:
        host = f"{MASK}@{host.rpartition('@')[2]}"
    if scheme.lower() in {"http", "https"} and host:
        rest = _without_query(rest)
    return f"{scheme}://{host}{rest}"


def _bare_target(match: re.Match[str]) -> str:
    path, mark, query = match[0].partition("?")
    return f"{path}?{MASK}" if mark and "=" in query else match[0]


def _without_query(text: str) -> str:
    path, mark, rest = text.partition("?")
    if not mark or "#" in path:
        return text
    _, bracket, behind = rest.partition(")")
    return f"{path}?{MASK}{bracket}{behind}"


_redactor = Redactor()
register = _redactor.register
redact = _redactor.redact
mask = _redactor.mask
