"""Takes credentials out of texts: registered secrets in all their spellings, and signed queries.

Secrets are registered where they enter (the configuration) and where they are used (a request),
so that even a library's debug output and a plugin's own messages can be cleaned.
"""

import base64
import json
import re
import threading
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote, quote_plus

from backhaul.secret import Secret

MASK = "***"
_SHORT = 4


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What is taken out, and what stands there instead; compiled when there is a text to clean."""
    return (
        # user:password@ in a URL
        (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#\"'<>@]*@", re.IGNORECASE), rf"\1{MASK}@"),
        # the whole query of a URL: of a signed link nothing of it is fit to print
        (re.compile(r"(\bhttps?://[^\s?#\"'<>\\]+)\?[^\s\"'<>\\)]*", re.IGNORECASE), rf"\1?{MASK}"),
        # the query of a request target, as urllib3, http.client and curl log it
        (
            re.compile(r"((?:^|[\s\"'(])/[^\s?\"'<>\\]*)\?[^\s\"'<>\\)]*=[^\s\"'<>\\)]*"),
            rf"\1?{MASK}",
        ),
        # query parameters on their own
        (
            re.compile(
                r"\b(Signature|AWSAccessKeyId|X-Amz-[A-Za-z-]+|api_?key|access_token|password)"
                r"=[^&\s\"'<>\\)]+",
                re.IGNORECASE,
            ),
            rf"\1={MASK}",
        ),
        # headers, plain, as repr of a dict, or inside the repr of bytes
        (
            re.compile(
                r"((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)"
                r"([\"']?\s*+[:=]\s*+(?:b(?=[\"']))?+[\"']?+)(?!\*{3})[^\r\n\"'\\]+",
                re.IGNORECASE,
            ),
            rf"\1\2{MASK}",
        ),
    )


class Redactor:
    """Knows the secrets; replaces them by ``***``. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: set[str] = set()
        self._known: set[tuple[str, str | None]] = set()
        self._pattern: re.Pattern[str] | None = None

    def register(self, secret: Secret | str, *, user: str | None = None) -> None:
        """Remember a secret; with `user` also the pair as Basic auth spells it."""
        text = secret.reveal() if isinstance(secret, Secret) else secret
        if (text, user) in self._known:
            return
        forms = set(_forms(text, user))
        with self._lock:
            if not forms <= self._forms:
                self._forms |= forms
                # Longest first, so that a secret that contains another one goes as a whole.
                longest = sorted(self._forms, key=len, reverse=True)
                self._pattern = re.compile("|".join(map(_escape, longest)))
            self._known.add((text, user))

    def redact(self, text: str) -> str:
        """The text without any secret, signed query, userinfo or Authorization value."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        for pattern, replacement in _patterns():
            text = pattern.sub(replacement, text)
        return text


def _forms(text: str, user: str | None) -> Iterator[str]:
    if not text.strip():
        return
    for plain in (text, *([f"{user}:{text}"] if user is not None else [])):
        yield plain
        yield from (quote(plain), quote(plain, safe=""), quote_plus(plain))
        yield json.dumps(plain)[1:-1]
        yield json.dumps(plain, ensure_ascii=False)[1:-1]
        yield repr(plain)[1:-1]
        for encoded in _base64(plain):
            yield from (encoded, encoded.rstrip("="), quote(encoded, safe=""))


def _base64(text: str) -> Iterator[str]:
    raw = text.encode()
    yield base64.b64encode(raw).decode()
    yield base64.urlsafe_b64encode(raw).decode()


def _escape(form: str) -> str:
    # Percent escapes may be in small or capital letters: %2b is %2B.
    pattern = re.sub("%[0-9A-F]{2}", lambda match: f"(?i:{match[0]})", re.escape(form))
    # Of a very short secret only whole words: otherwise no log would be readable.
    return pattern if len(form) >= _SHORT else rf"(?<!\w){pattern}(?!\w)"


_redactor = Redactor()
register = _redactor.register
redact = _redactor.redact
