"""Takes credentials out of texts: known secrets in all their spellings, and signed queries.

Secrets are registered where they enter (the configuration) and where they are used (a request),
so that even a library's debug output and a plugin's own messages can be cleaned. What belongs to a
single request, such as the signature of its link, is handed in with the text.

A secret is looked for in the text as it stands and with its escapes undone (percent, HTML entities,
JSON and Python escapes, several layers of them), so no list of spellings has to be complete. The
time that a text takes grows with its length and with the number of secrets, and no faster.
"""

import base64
import html
import re
import threading
from array import array
from collections.abc import Callable, Collection, Iterator
from functools import cache

from backhaul.secret import Secret

MASK = "***"
_SHORT = 4  # of a secret below so many characters only whole words are masked
_LAYERS = 3  # escapes within escapes that are undone
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
    """Knows the secrets; replaces them by ``***``. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: tuple[bytes, ...] = ()
        self._known: set[tuple[str, str | None]] = set()

    def register(self, secret: Secret | str, *, user: str | None = None) -> None:
        """Remember a secret; with `user` also the pair as Basic auth spells it."""
        text = secret.reveal() if isinstance(secret, Secret) else secret
        if (text, user) in self._known:
            return
        with self._lock:
            self._forms = tuple({*self._forms, *_forms(text, user)})
            self._known.add((text, user))

    def redact(self, text: str, own: Collection[str] = ()) -> str:
        """The text without any secret, signed query, userinfo or Authorization value.

        Args:
            text: of any length.
            own: what is secret of the request that the text answers, see ``own_values``.
        """
        text = self.mask(text, own)
        for pattern, replacement in _patterns():
            text = pattern.sub(replacement, text)
        return text

    def mask(self, text: str, own: Collection[str] = ()) -> str:
        """The text without any known secret; what only looks like one stays.

        Args:
            text: of any length.
            own: what is secret of the request that the text answers, see ``own_values``.
        """
        forms = self._forms
        if own:
            forms = (*forms, *(form for value in own for form in _forms(value, None)))
        return _mask(text, forms) if forms else text


def own_values(url: str, *, user: str = "", password: str = "") -> tuple[str, ...]:
    """What of a request must not be repeated in a message: values of its query and credentials.

    Values of a query that are too short to be secrets are left out.
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
    """What is looked for in a text whose escapes are undone: the secret itself, and its base64."""
    if not text.strip():
        return
    raw = text.encode("utf-8", "surrogatepass")
    plain = _undone(raw)[0]  # of a secret that was handed in escaped, as a link's query is
    # A form has "+" for a space; base64 may stand without its padding.
    yield from {raw, plain, raw.replace(b" ", b"+"), raw.rstrip(b"=") or raw}
    pairs = [raw] if user is None else [raw, user.encode("utf-8", "surrogatepass") + b":" + raw]
    for pair in pairs:
        yield pair
        for encoded in (base64.b64encode(pair), base64.urlsafe_b64encode(pair)):
            yield encoded
            yield encoded.rstrip(b"=")


def _mask(text: str, forms: Collection[bytes]) -> str:
    """The text with all that the forms match replaced by ``***``."""
    raw = text.encode("utf-8", "surrogatepass")
    spans: list[tuple[int, int]] = []
    layer = raw
    places: array[int] | None = None  # where in `raw` each byte of the layer begins
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
    """A layer with one level of escapes undone, and where each of its bytes begins in the layer.

    The places have one more item, the layer's end; None: there was nothing to undo.
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
    """What an escape stands for; None when it stands for nothing known."""
    kind, text = match.lastgroup, match[match.lastgroup or 0]
    if kind in {"percent", "byte"}:
        return bytes([int(text, 16)])
    if kind == "unit":
        return chr(int(text, 16)).encode("utf-8", "surrogatepass")
    if kind == "plain":
        return text
    whole = match[0].decode("ascii")
    plain = html.unescape(whole)
    return None if plain == whole else plain.encode("utf-8", "surrogatepass")


@cache
def _patterns() -> "tuple[tuple[re.Pattern[str], _Replacement], ...]":
    """What looks like a credential, and what stands there instead.

    Each pattern takes all that it has looked at, so no part of a text is looked at again and again.
    """
    return (
        # any URL: the whole query, of a signed link nothing of it is fit to print; and userinfo
        (
            re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]++://[^\s\"'<>\\]*+", re.IGNORECASE),
            _bare_url,
        ),
        # the query of a request target, as urllib3, http.client and curl log it
        (re.compile(r"(?<![^\s\"'(])/[^\s\"'<>\\)]*+"), _bare_target),
        # query parameters on their own
        (
            re.compile(
                r"\b(Signature|AWSAccessKeyId|X-(?:Amz|Goog)-[A-Za-z-]{1,40}|api_?key|sig|hmac"
                r"|Policy|Key-Pair-Id|access_token|token|password)=[^&\s\"'<>\\)]++",
                re.IGNORECASE,
            ),
            rf"\1={MASK}",
        ),
        # headers, plain, as repr of a dict, or inside the repr of bytes; the choice of a b is not
        # possessive, for Python before 3.11.5 then takes any b
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
