"""An object store accessed by signed links, like S3 with query-string signatures, version 2.

See AWS, "Signing and authenticating REST requests" (query string authentication): the signature covers
method, expiry and resource, so a HEAD on a link signed for GET does not match.
"""

import re
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from hmac import digest
from math import ceil
from urllib.parse import quote, unquote

from backhaul.testing.dialects import DIALECTS, error
from backhaul.testing.faults import Faults
from backhaul.testing.message import Incoming, Reply, http_date
from backhaul.testing.misbehave import misbehave
from backhaul.testing.objects import Bodies, Body, Stored
from backhaul.testing.recorded import Headers

_SERVER = [("Server", "AmazonS3"), ("Accept-Ranges", "bytes")]
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Storage:
    """Objects by key, accessible only by signed links.

    Attributes:
        url: ``http://127.0.0.1:port`` once it is served.
        bucket: first segment of a path-style link.
        faults: injected into requests that would succeed.
        lifetime: default validity of links in seconds.
        dialect: how an expired link is refused, one of ``DIALECTS``.
    """

    def __init__(
        self,
        *,
        bucket: str = "archive.snapshots",
        faults: Faults | None = None,
        link_budget: int | None = None,
        lifetime: float = 3600.0,
        dialect: str = "expired",
    ) -> None:
        """Create an empty store.

        Args:
            bucket: the bucket's name.
            faults: faults to inject.
            link_budget: object GETs after which the links signed in one listing expire.
            lifetime: default validity of links in seconds.
            dialect: how an expired link is refused, one of ``DIALECTS``.
        """
        self.url = ""
        self.bucket = bucket
        self.faults = faults or Faults()
        self.lifetime = lifetime
        self.dialect = dialect
        self._budget = link_budget
        self._lock = threading.Lock()
        self._listings = 0
        self._used: Counter[str] = Counter()
        self._objects: dict[str, Stored] = {}
        self._finders: list[tuple[str, Callable[[str], Stored | bytes | None]]] = []
        self._bodies = Bodies()

    def put(
        self,
        key: str,
        data: bytes | Callable[[], bytes],
        *,
        content_type: str = "binary/octet-stream",
        content_encoding: str | None = None,
        headers: dict[str, str] | None = None,
        last_modified: datetime | None = None,
    ) -> None:
        """Store an object; a callable generates its bytes on demand, always the same ones."""
        self._objects[key] = Stored(
            data,
            content_type=content_type,
            content_encoding=content_encoding,
            headers=headers or {},
            last_modified=last_modified or datetime(2016, 1, 1, tzinfo=UTC),
        )
        self._bodies.forget(key)

    def delete(self, key: str) -> None:
        """Remove an object; links to it return 404 NoSuchKey."""
        self._objects.pop(key, None)
        self._bodies.forget(key)

    def mount(self, prefix: str, find: Callable[[str], Stored | bytes | None]) -> None:
        """Look up keys under the prefix with ``find(key)`` if they were not put: uses no memory."""
        self._finders.append((prefix, find))

    def new_listing(self) -> str:
        """An id for links signed together, which share the link budget."""
        with self._lock:
            self._listings += 1
            return f"AKIA{self._listings:016X}"

    def link(
        self,
        key: str,
        *,
        lifetime: float | None = None,
        style: str = "path",
        listing: str | None = None,
    ) -> str:
        """A signed link for GET.

        Args:
            key: the object's key, which need not exist.
            lifetime: seconds; a link with a negative one has already expired.
            style: ``path`` (``/bucket/key``) or ``virtual`` (``/key``, one segment fewer).
            listing: id of the links signed together; by default, a new one.
        """
        account = listing or self.new_listing()
        expires = ceil(time.time() + (self.lifetime if lifetime is None else lifetime))
        path = f"/{self.bucket}/{quote(key)}" if style == "path" else f"/{quote(key)}"
        return f"{self.url}{path}?{self._signed(account, str(expires), path, 'GET')}"

    def answer(self, incoming: Incoming) -> Reply:
        """The reply to a request at the storage's port."""
        reply = self._answer(incoming)
        reply.headers[:0] = _SERVER
        reply.clock = self.faults.clock("storage")
        return reply

    def _answer(self, incoming: Incoming) -> Reply:
        if incoming.headers.get("authorization") is not None:
            return error(
                400,
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                "Signature query string parameter or the Authorization header should be specified",
                ArgumentName="Authorization",
            )
        if incoming.method not in {"GET", "HEAD"}:
            return error(405, "MethodNotAllowed", "The specified method is not allowed.")
        refusal = self._refusal(incoming)
        if refusal is not None:
            return refusal
        key = unquote(incoming.path.removeprefix(f"/{self.bucket}").removeprefix("/"))
        stored = self._objects.get(key) or self._found(key)
        if stored is None:
            return error(404, "NoSuchKey", "The specified key does not exist.", Key=key)
        body = self._bodies.get(key, stored)
        reply = _object(incoming, stored, body)
        fault = self.faults.pick("storage", key, key.replace("/", "_"))
        if fault is None:
            return reply
        if fault.kind == "changed":
            self._bodies.change(key)
        return misbehave(fault, incoming, reply)

    def _refusal(self, incoming: Incoming) -> Reply | None:
        pairs = (pair.partition("=") for pair in incoming.query.split("&"))
        given = {name: value for name, _, value in pairs}
        account, expires = given.get("AWSAccessKeyId", ""), given.get("Expires", "")
        if not expires.isdecimal() or "Signature" not in given:
            return error(403, "AccessDenied", "Access Denied")
        if incoming.query != self._signed(account, expires, incoming.path, incoming.method):
            return error(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
            )
        if self._is_spent(account) or int(expires) < time.time():
            if self.dialect != "expired":
                return DIALECTS[self.dialect]()
            return error(
                403,
                "AccessDenied",
                "Request has expired",
                Expires=_iso(float(expires)),
                ServerTime=_iso(time.time()),
            )
        return None

    def _is_spent(self, account: str) -> bool:
        if self._budget is None:
            return False
        with self._lock:
            self._used[account] += 1
            return self._used[account] > self._budget

    def _signed(self, account: str, expires: str, path: str, method: str) -> str:
        text = f"{method}\n\n\n{expires}\n{path}"
        signature = b64encode(digest(f"made-up {account}".encode(), text.encode(), "sha1")).decode()
        return f"AWSAccessKeyId={account}&Expires={expires}&Signature={quote(signature, safe='')}"

    def _found(self, key: str) -> Stored | None:
        for prefix, find in self._finders:
            if key.startswith(prefix):
                found = find(key)
                return Stored(found) if isinstance(found, bytes) else found
        return None


def _object(incoming: Incoming, stored: Stored, body: Body) -> Reply:
    reply = Reply(body=body.data)
    reply.headers = [
        ("ETag", body.etag),
        ("Last-Modified", http_date(stored.last_modified.timestamp())),
        ("Content-Type", stored.content_type),
        *stored.headers.items(),
    ]
    if stored.content_encoding:
        reply.headers.append(("Content-Encoding", stored.content_encoding))
    if _is_unchanged(incoming, body, stored):
        return Reply(status=304, headers=reply.headers)
    if "range" in incoming.headers:
        return part(incoming.headers, reply, body.etag)
    return reply


def _is_unchanged(incoming: Incoming, body: Body, stored: Stored) -> bool:
    """Whether the client already has this object (RFC 9110, section 13.2.2)."""
    etag = incoming.headers.get("if-none-match")
    if etag is not None:
        return bool(etag == body.etag)
    since = incoming.headers.get("if-modified-since")
    return since is not None and since == http_date(stored.last_modified.timestamp())


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def part(headers: Headers, whole: Reply, etag: str) -> Reply:
    """A 206 with the range, the whole if If-Range does not match, or a 416."""
    found = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if found is None or found[0] == "bytes=-" or not isinstance(whole.body, bytes):
        return whole
    condition = headers.get("if-range")
    if condition is not None and condition not in {etag, dict(whole.headers)["Last-Modified"]}:
        return whole
    size = len(whole.body)
    if found[1]:
        start, stop = int(found[1]), min(int(found[2] or size) + 1, size)
    else:
        start, stop = max(0, size - int(found[2])), size
    if start >= stop:
        refusal = error(416, "InvalidRange", "The requested range is not satisfiable")
        refusal.headers.append(("Content-Range", f"bytes */{size}"))
        return refusal
    whole.status = 206
    whole.headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
    whole.body = whole.body[start:stop]
    return whole
