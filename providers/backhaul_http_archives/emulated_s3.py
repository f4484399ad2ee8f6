"""An emulator of somebody else's S3 bucket: days in folders of months, with synthetic data.

It supports ListObjectsV2, and checks signatures and the lifetime of signed links.
"""

import gzip
import hashlib
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from werkzeug import Request, Response

from backhaul.testing import Emulator
from backhaul_http_archives.emulated_signatures import refusal

KEY = "AKIAMADEUPFORTESTS00"
SECRET = "made-up-secret-of-the-key"  # noqa: S105 - the emulator's own
BUCKET = "flatfiles"
FOLDER = "us_stocks_sip/day_aggs_v1"
_MOST = 1000


class S3PrefixEmulator(Emulator):
    """One file per day from ``first``, except the ``silent`` ones, and some objects that are not files.

    ``flatfiles`` requires a signature; ``public`` has the same objects and does not.
    """

    provider = "s3-prefix"
    files_at = "api"

    def __init__(
        self,
        *,
        records: int = 8,
        first: str = "2026-01-20",
        days: int = 20,
        silent: Collection[str] = ("2026-01-25", "2026-02-01"),
        page: int = _MOST,
        encrypted: bool = False,
        **settings: Any,
    ) -> None:
        """Prepare.

        Args:
            records: lines per file.
            first: the first day.
            days: the number of days.
            silent: days without an object.
            page: maximum number of keys in a response.
            encrypted: whether ETags look like MD5s, but are not.
            settings: see ``Emulator``.
        """
        super().__init__(**settings)
        self.records = records
        self.page = page
        self.encrypted = encrypted
        start = datetime.fromisoformat(first).replace(tzinfo=UTC)
        names = (f"{start + timedelta(days=number):%Y-%m-%d}" for number in range(days))
        self.bodies = {
            f"{FOLDER}/{day[:4]}/{day[5:7]}/{day}.csv.gz": self._made(day)
            for day in names
            if day not in silent
        }
        for folder in {key.rpartition("/")[0] for key in self.bodies}:
            self.bodies[f"{folder}/"] = b""  # as created by the console
        self.bodies[f"{FOLDER}/README.txt"] = b"made up\n"

    def api(self, request: Request) -> Response:
        """A listing, or an object."""
        _, bucket, key = (*request.path.split("/", 2), "")[:3]
        if bucket not in {BUCKET, "public"}:
            return _error(404, "NoSuchBucket")
        if bucket == BUCKET and (code := refusal(request, KEY, SECRET)) is not None:
            return _error(403, code)
        if not key:
            return self._list(bucket, request)
        data = self.bodies.get(key)
        if data is None:
            return _error(404, "NoSuchKey")
        answer = Response(data, mimetype="binary/octet-stream")
        answer.set_etag(self._etag(data))
        answer.make_conditional(request, accept_ranges=True, complete_length=len(data))
        return answer

    def is_file(self, path: str, query: str) -> bool:
        """Everything except listings."""
        del query
        return path.count("/") > 1

    def source(self) -> dict[str, Any]:
        """YAML keys of a source that connects to this emulator."""
        return {
            "provider": self.provider,
            "bucket": BUCKET,
            "prefix": f"{FOLDER}/{{start:%Y}}/{{start:%m}}/",
            "every": "1mo",
            "endpoint": self.url,
            "access_key_id": KEY,
            "secret_access_key": SECRET,
            "include": ["*.csv.gz"],
            "start": r"(?P<start>\d{4}-\d{2}-\d{2})",
            "start_format": "%Y-%m-%d",
            "slot": "1d",
        }

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Ten days across the end of a month, two of them silent."""
        return {"days": {"from": "2026-01-24", "to": "2026-02-03"}}

    def _list(self, bucket: str, request: Request) -> Response:
        prefix = request.args.get("prefix", "")
        after = request.args.get("continuation-token") or request.args.get("start-after", "")
        keys = [key for key in sorted(self.bodies) if key.startswith(prefix) and key > after]
        page, more = keys[: self.page], len(keys) > self.page
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-02-20T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{self._etag(self.bodies[key])}&quot;</ETag><Size>{len(self.bodies[key])}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{quote(page[-1])}</NextContinuationToken>" if more else ""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
            f"<MaxKeys>{self.page}</MaxKeys><IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}"
            "</ListBucketResult>"
        )
        return Response(body, mimetype="application/xml")

    def _etag(self, data: bytes) -> str:
        salt = b"another key" if self.encrypted else b""
        return hashlib.md5(data + salt, usedforsecurity=False).hexdigest()

    def _made(self, day: str) -> bytes:
        random = Random(f"{self.seed}/{day}")  # noqa: S311 - made-up data, not a secret
        rows = [
            json.dumps(f"{random.choice('ABCDE')}{number}") + f",{random.randrange(10_000)}"
            for number in range(self.records)
        ]
        text = "\n".join(["ticker,volume", *rows]) + "\n"
        return gzip.compress(text.encode(), 6, mtime=0)


def _error(status: int, code: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code></Error>'
    return Response(body, status, mimetype="application/xml")
