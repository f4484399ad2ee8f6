"""Google Cloud Storage on loopback: the requests of its XML API that obstore makes, with their conditions."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

BUCKET: Final = "archives"
# No token is fetched, and none is sent.
ACCOUNT_KEY: Final = json.dumps(
    {
        "private_key": "made up",
        "private_key_id": "1",
        "client_email": "backhaul@example.org",
        "disable_oauth": True,
        "gcs_base_url": "http://127.0.0.1:1",  # settings.store.endpoint takes precedence
    }
)
_META: Final = "x-goog-meta-"
_PAGE: Final = 1000


@dataclass(frozen=True)
class _Object:
    data: bytes
    meta: dict[str, str]
    generation: int

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'


@dataclass
class _Upload:
    meta: dict[str, str]
    parts: dict[int, bytes] = field(default_factory=dict)


class _Bucket:
    """The bucket's content; each method is called with the lock held."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.objects: dict[str, _Object] = {}
        self.uploads: dict[str, _Upload] = {}
        self._number = 1_700_000_000_000_000

    def number(self) -> int:
        self._number += 1
        return self._number

    def put(
        self, key: str, data: bytes, meta: dict[str, str], wanted: str | None
    ) -> _Object | None:
        """Stores an object; None if its generation is not the one wanted, 0 for no object."""
        now = self.objects.get(key)
        if wanted is not None and int(wanted) != (0 if now is None else now.generation):
            return None
        found = self.objects[key] = _Object(data, meta, self.number())
        return found

    def page(self, query: dict[str, str]) -> str:
        prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
        after = max(after, query.get("start-after", ""))
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        delimiter, shown, folders = query.get("delimiter"), [], set()
        for key in keys:
            rest = key[len(prefix) :]
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
            else:
                shown.append(key)
        most = int(query.get("max-keys", _PAGE))
        more, shown = len(shown) > most, shown[:most]
        body = "".join(_entry(key, self.objects[key]) for key in shown)
        body += "".join(
            f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>"
            for each in sorted(folders)
        )
        if more:
            body += f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>"
        truncated = str(more).lower()
        return f"<ListBucketResult>{body}<IsTruncated>{truncated}</IsTruncated></ListBucketResult>"


def _entry(key: str, found: _Object) -> str:
    return (
        f"<Contents><Key>{escape(key)}</Key><Generation>{found.generation}</Generation>"
        f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{found.etag}</ETag>"
        f"<Size>{len(found.data)}</Size></Contents>"
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    bucket: _Bucket

    def _any(self) -> None:
        url = urlsplit(self.path)
        name, _, key = url.path.lstrip("/").partition("/")
        given = parse_qs(url.query, keep_blank_values=True)
        query = {each: values[0] for each, values in given.items()}
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if name != BUCKET:
            return self._fails(404, "NoSuchBucket")
        with self.bucket.lock:
            if not key:
                return self._answer(200, self.bucket.page(query).encode())
            return getattr(self, f"_{self.command.lower()}")(unquote(key), query, body)  # type: ignore[no-any-return] # None

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

    def _get(self, key: str, _: dict[str, str], __: bytes) -> None:
        found = self.bucket.objects.get(key)
        if found is None:
            return self._fails(404, "NoSuchKey")
        if self.headers.get("if-match", found.etag) != found.etag:
            return self._fails(412, "PreconditionFailed")
        wanted = self.headers.get("range")
        if wanted is None:
            return self._answer(200, found.data, found)
        first, last = wanted.removeprefix("bytes=").split("-", 1)
        size = len(found.data)
        start = int(first) if first else max(0, size - int(last))
        end = min(int(last) + 1 if first and last else size, size)
        if start >= size:
            return self._fails(416, "InvalidRange")
        where = {"content-range": f"bytes {start}-{end - 1}/{size}"}
        return self._answer(206, found.data[start:end], found, where)

    _head = _get

    def _put(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploadId" in query:
            self.bucket.uploads[query["uploadId"]].parts[int(query["partNumber"])] = body
            return self._answer(200, b"", _Object(body, {}, 0))
        meta, source = self._meta(), self.headers.get("x-goog-copy-source")
        if source is not None:
            copied = self.bucket.objects.get(unquote(source).removeprefix(f"{BUCKET}/"))
            if copied is None:
                return self._fails(404, "NoSuchKey")
            body, meta = copied.data, copied.meta
        found = self.bucket.put(key, body, meta, self.headers.get("x-goog-if-generation-match"))
        if found is None:
            return self._fails(412, "PreconditionFailed")
        return self._answer(200, b"", found)

    def _post(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query:
            name = str(self.bucket.number())
            self.bucket.uploads[name] = _Upload(self._meta())
            text = f"<Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key><UploadId>{name}</UploadId>"
            return self._answer(
                200,
                f"<InitiateMultipartUploadResult>{text}</InitiateMultipartUploadResult>".encode(),
            )
        upload = self.bucket.uploads.pop(query["uploadId"])
        parts = [
            upload.parts[int(each.text or 0)] for each in ET.fromstring(body).iter("PartNumber")
        ]
        found = self.bucket.put(key, b"".join(parts), upload.meta, None)
        assert found is not None
        text = f"<Location>/</Location><Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key><ETag>{found.etag}</ETag>"
        text = f"<CompleteMultipartUploadResult>{text}</CompleteMultipartUploadResult>"
        return self._answer(200, text.encode(), found)

    def _delete(self, key: str, query: dict[str, str], _: bytes) -> None:
        if "uploadId" in query:
            self.bucket.uploads.pop(query["uploadId"], None)
        elif self.bucket.objects.pop(key, None) is None:
            return self._fails(404, "NoSuchKey")
        return self._answer(204)

    def _meta(self) -> dict[str, str]:
        return {
            key.lower(): value
            for key, value in self.headers.items()
            if key.lower().startswith(_META)
        }

    def _fails(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code></Error>".encode())

    def _answer(
        self,
        status: int,
        body: bytes = b"",
        found: _Object | None = None,
        more: dict[str, str] | None = None,
    ) -> None:
        self.send_response_only(status)
        headers = dict(more or {})
        if found is not None:
            headers |= {
                "etag": found.etag,
                "x-goog-generation": str(found.generation),
                **found.meta,
            }
            headers["last-modified"] = formatdate(usegmt=True)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        pass  # the client has gone away


@contextmanager
def google_cloud_storage() -> Iterator[str]:
    """A service with one empty bucket. Yields its URL."""
    handler = type("Handler", (_Handler,), {"bucket": _Bucket()})
    server = _Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        with suppress(OSError):
            server.shutdown()
            server.server_close()
