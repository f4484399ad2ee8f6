"""An emulator of dated archives with an index, in all formats that ``http-index`` reads."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import quote

from werkzeug import Request, Response

from backhaul.testing import Emulator

TOKEN = "made-up-token-of-the-archive"  # noqa: S105 - the emulator's own
_HOUR = timedelta(hours=1)


class HttpIndexEmulator(Emulator):
    """The hours of ``days`` days from ``first``, except the ``silent`` ones.

    ``/auto/2026/2026-01/`` is a page of links like nginx's, ``/apache/`` the same like Apache's,
    each with an ``md5sums.txt``; ``/list.txt``, ``/SHA256SUMS``, ``/BSDSUMS``, ``/manifest.json`` and
    ``/files.csv`` list all files; with ``.gz`` appended, they are compressed.
    """

    provider = "http-index"
    files_at = "api"

    def __init__(
        self,
        *,
        records: int = 8,
        first: str = "2026-01-30",
        days: int = 4,
        silent: Collection[str] = ("20260131-050000", "20260201-170000"),
        **settings: Any,
    ) -> None:
        """Prepare.

        Args:
            records: lines per file.
            first: the first day.
            days: the number of days.
            silent: hours without a file.
            settings: see ``Emulator``.
        """
        super().__init__(**settings)
        self.records = records
        start = datetime.fromisoformat(first).replace(tzinfo=UTC)
        self.hours = [
            hour
            for number in range(days * 24)
            if f"{(hour := start + number * _HOUR):%Y%m%d-%H%M%S}" not in silent
        ]

    def api(self, request: Request) -> Response:
        """An index, or a file in its month's folder; a wrong token is refused."""
        if request.headers.get("Authorization") not in {None, f"Bearer {TOKEN}"}:
            return Response("401 Authorization Required\n", 401, mimetype="text/plain")
        data = self.data(request.path)
        if data is not None:
            answer = Response(data, mimetype="application/octet-stream")
            answer.set_etag(hashlib.sha256(data).hexdigest()[:32])
            answer.make_conditional(request, accept_ranges=True, complete_length=len(data))
            return answer
        path = request.path.removesuffix(".gz")
        found = self._index(path)
        if found is None:
            return Response("not here\n", 404, mimetype="text/plain")
        body = gzip.compress(found.encode(), mtime=0) if path != request.path else found.encode()
        return Response(body, mimetype="text/html" if path.endswith("/") else "text/plain")

    def is_file(self, path: str, query: str) -> bool:
        """Everything except the indexes."""
        del query
        return "/pageviews-" in path or path.endswith("/part_000.gz")

    def source(self) -> dict[str, Any]:
        """YAML keys of a source that connects to this emulator."""
        return {
            "provider": self.provider,
            "url": f"{self.url}/auto/{{start:%Y}}/{{start:%Y-%m}}/",
            "every": "1mo",
            "include": ["pageviews-*.gz"],
            "start": r"pageviews-(?P<start>\d{8}-\d{6})",
            "start_format": "%Y%m%d-%H%M%S",
            "slot": "1h",
            "content": "jsonl.gz",
            "checksum": {"folder": "md5sums.txt"},
            "auth": {"bearer": TOKEN},
        }

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Two days across the end of a month, each with a silent hour."""
        return {"pageviews": {"from": "2026-01-31", "to": "2026-02-02"}}

    def data(self, path: str) -> bytes | None:
        """The bytes of a file; None if it does not exist."""
        folder, _, name = path.rpartition("/")
        if name == "part_000.gz" and folder.startswith("/data/works/updated_date="):
            day = folder.rpartition("=")[2]
            return next(
                (self._made(hour) for hour in self.hours if f"{hour:%Y-%m-%d}" == day), None
            )
        hour = next((each for each in self.hours if _name(each) == name), None)
        if hour is None or not folder.endswith(f"/{hour:%Y/%Y-%m}"):
            return None
        return self._made(hour)

    def _made(self, hour: datetime) -> bytes:
        random = Random(f"{self.seed}/{hour}")  # noqa: S311 - made-up data, not a secret
        lines = [
            json.dumps({"project": f"{random.choice('abc')}.wiki", "views": random.randrange(1000)})
            for _ in range(self.records)
        ]
        return gzip.compress("".join(f"{line}\n" for line in lines).encode(), 6, mtime=0)

    def _index(self, path: str) -> str | None:
        words = path.strip("/").split("/")
        if words[0] in {"auto", "apache"} and len(words) >= 3:  # noqa: PLR2004 - /auto/year/month
            hours = [hour for hour in self.hours if f"{hour:%Y/%Y-%m}" == "/".join(words[1:3])]
            if not hours:
                return None
            if words[3:] == ["md5sums.txt"]:
                return "".join(f"{_digest('md5', self._made(h))}  {_name(h)}\n" for h in hours)
            if path.endswith("/"):
                return self._nginx(path, hours) if words[0] == "auto" else self._apache(path, hours)
            return None
        return self._manifest() if path == "/data/works/manifest" else self._flat(path)

    def _manifest(self) -> str:
        """Like OpenAlex's manifest: objects of a bucket, with a folder per day."""
        days = sorted({f"{hour:%Y-%m-%d}" for hour in self.hours})
        entries = [
            {
                "url": f"s3://openalex{part}",
                "meta": {
                    "content_length": len(self.data(part) or b""),
                    "record_count": self.records,
                },
            }
            for part in (f"/data/works/updated_date={day}/part_000.gz" for day in days)
        ]
        return json.dumps({"entries": entries, "meta": {"record_count": len(entries)}})

    def _flat(self, path: str) -> str | None:
        """An index of all hours."""
        rows = [(f"auto/{hour:%Y/%Y-%m}/{_name(hour)}", self._made(hour)) for hour in self.hours]
        if path == "/list.txt":
            return "".join(
                f"{len(data)} {_digest('md5', data)} {self.url}/{link}\n" for link, data in rows
            )
        if path == "/SHA256SUMS":
            return "".join(f"{_digest('sha256', data)} *{link}\n" for link, data in rows)
        if path == "/BSDSUMS":
            return "".join(f"SHA1 ({link}) = {_digest('sha1', data)}\n" for link, data in rows)
        if path == "/manifest.json":
            files = [
                {
                    "filename": link.rpartition("/")[2],
                    "size": len(data),
                    "hash": f"sha256:{_digest('sha256', data)}",
                    "urls": {"https": f"{self.url}/{link}"},
                }
                for link, data in rows
            ]
            return json.dumps({"id": 1, "files": files})
        if path == "/files.csv":
            text = io.StringIO()
            writer = csv.writer(text)
            writer.writerow(["file", "link", "bytes", "digest"])
            for link, data in rows:
                name = link.rpartition("/")[2]
                writer.writerow([name, link, len(data), _digest("sha512", data)])
            return text.getvalue()
        return None

    def _nginx(self, path: str, hours: list[datetime]) -> str:
        rows = "".join(
            f'<a href="{quote(_name(h))}">{_name(h)}</a>{h:%d-%b-%Y %H:%M}{len(self._made(h)):>20}\r\n'
            for h in hours
        ).replace("</a>", "</a>              ")
        return (
            f"<html>\r\n<head><title>Index of {path}</title></head>\r\n<body>\r\n<h1>Index of {path}</h1><hr>"
            f'<pre><a href="../">../</a>\r\n<a href="old/">old/</a>  01-Jan-2026 00:00   -\r\n'
            f'<a href="md5sums.txt">md5sums.txt</a>  01-Jan-2026 00:00   4711\r\n{rows}</pre><hr></body>\r\n</html>\r\n'
        )

    def _apache(self, path: str, hours: list[datetime]) -> str:
        rows = "".join(
            f'<tr><td valign="top"><a href="{_name(h)}"><img src="/icons/compressed.gif" alt="[   ]"></a></td>'
            f'<td><a href="{_name(h)}">{_name(h)[:20]}..&gt;</a></td><td align="right">{h:%Y-%m-%d %H:%M}  </td>'
            f'<td align="right">1.2K</td><td>&nbsp;</td></tr>\n'
            for h in hours
        )
        return (
            f'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<html><head><title>Index of {path}</title></head>'
            '<body><table><tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr>'
            f'<tr><td><a href="/auto/">Parent Directory</a></td></tr>\n{rows}</table>'
            '<address>Apache/2.4 <a href="https://httpd.apache.org/">Server</a></address></body></html>\n'
        )


def _name(hour: datetime) -> str:
    return f"pageviews-{hour:%Y%m%d-%H%M%S}.gz"


def _digest(kind: str, data: bytes) -> str:
    return hashlib.new(kind, data, usedforsecurity=False).hexdigest()
