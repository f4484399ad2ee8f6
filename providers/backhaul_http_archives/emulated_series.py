"""An emulator of dated archives whose URLs are computed from the time, with synthetic data.

Its layouts are those of real archives: hours without a leading zero, days of several symbols,
months. Some hours do not exist; HTTP Basic, ranges and validators are like nginx's.
"""

import bz2
import gzip
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from werkzeug import Request, Response

from backhaul.testing import Emulator

USER = "archivist@example.org"
PASSWORD = "made-up-key-of-the-archive"  # noqa: S105 - the emulator's own
SYMBOLS = ("BTCUSDT", "ETHUSDT")
_HOUR = re.compile(r"/(?:hours/)?(\d{4})-(\d\d)-(\d\d)-(\d{1,2})\.json\.gz")
_PUBLIC = re.compile(r"/\d{4}-")
_KLINES = re.compile(r"/klines/([A-Z]+)/\1-1m-(\d{4})-(\d\d)-(\d\d)\.csv\.gz")
_SPOT = re.compile(r"/data/spot/daily/klines/([A-Z]+)/1m/\1-1m-(\d{4})-(\d\d)-(\d\d)\.zip")
_UPDATES = re.compile(
    r"/bgpdata/(\d{4})\.(\d\d)/UPDATES/updates\.\1\2(\d\d)\.(\d\d)(00|15|30|45)\.bz2"
)
_MONTH = re.compile(r"/months/(\d{4})/(\d\d)\.jsonl\.gz")


class HttpSeriesEmulator(Emulator):
    """Hours, days of symbols, and months, from ``first`` to ``last``, except the ``missing`` ones."""

    provider = "http-series"
    files_at = "api"

    def __init__(
        self,
        *,
        records: int = 12,
        first: str = "2015-01-01",
        last: str = "2027-01-01",
        missing: Collection[str] = ("2026-01-01-3", "2026-01-02-17"),
        refusal: int = 404,
        open_to_all: bool = False,
        **settings: Any,
    ) -> None:
        """Prepare.

        Args:
            records: lines per file.
            first: the first slot's start.
            last: the end of the last slot.
            missing: parts of the paths of slots that do not exist: ``2026-01-01-3``.
            refusal: the status for these.
            open_to_all: whether it accepts requests without credentials, as it does at the root.
            settings: see ``Emulator``.
        """
        super().__init__(**settings)
        self.records = records
        self.first = datetime.fromisoformat(first).replace(tzinfo=UTC)
        self.last = datetime.fromisoformat(last).replace(tzinfo=UTC)
        self.missing = set(missing)
        self.refusal = refusal
        self.open_to_all = open_to_all

    def api(self, request: Request) -> Response:
        """A file, or its checksum file at its URL with ``.md5`` or ``.CHECKSUM`` appended."""
        login = request.authorization
        is_open = self.open_to_all or _PUBLIC.match(request.path) is not None
        if not is_open and (login is None or (login.username, login.password) != (USER, PASSWORD)):
            refusal = Response("401 Authorization Required\n", 401, mimetype="text/plain")
            refusal.headers["WWW-Authenticate"] = 'Basic realm="archive"'
            return refusal
        path, ending, kind = request.path, "", ""
        for each, digest in ((".md5", "md5"), (".CHECKSUM", "sha256")):
            if path.endswith(each):
                path, ending, kind = path.removesuffix(each), each, digest
        data = self.data(path)
        if data is None:
            return Response("not here\n", self.refusal, mimetype="text/plain")
        if ending:
            name = path.rpartition("/")[2]
            line = f"{hashlib.new(kind, data, usedforsecurity=False).hexdigest()}  {name}\n"
            return Response(line, mimetype="text/plain")
        answer = Response(data, mimetype="application/octet-stream")
        answer.set_etag(hashlib.sha256(data).hexdigest()[:32])
        answer.make_conditional(request, accept_ranges=True, complete_length=len(data))
        return answer

    def is_file(self, path: str, query: str) -> bool:
        """Everything except checksum files."""
        del query
        return not path.endswith((".md5", ".CHECKSUM"))

    def source(self) -> dict[str, Any]:
        """YAML keys of a source that connects to this emulator."""
        keys: dict[str, Any] = {
            "provider": self.provider,
            "url": f"{self.url}/hours/{{start:%Y-%m-%d}}-{{start:%-H}}.json.gz",
            "every": "1h",
            "content": "jsonl.gz",
        }
        return keys if self.open_to_all else keys | {"auth": {"basic": [USER, PASSWORD]}}

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Two days of hours, two of them missing."""
        return {"events": {"from": "2026-01-01", "to": "2026-01-03"}}

    def data(self, path: str) -> bytes | None:
        """The bytes of a file; None if it does not exist."""
        start = _start(path)
        if start is None or not self.first <= start < self.last:
            return None
        if any(part in path for part in self.missing):
            return None
        random = Random(f"{self.seed}/{path}")  # noqa: S311 - made-up data, not a secret
        lines = [
            json.dumps(
                {
                    "id": random.randrange(1 << 40),
                    "created_at": f"{start + timedelta(seconds=5 * number):%Y-%m-%dT%H:%M:%SZ}",
                    "type": random.choice(("PushEvent", "WatchEvent", "ForkEvent")),
                }
            )
            for number in range(self.records)
        ]
        return _packed(path, "".join(f"{line}\n" for line in lines).encode())


def _packed(path: str, text: bytes) -> bytes:
    """The text, compressed according to the name's suffix."""
    if path.endswith(".bz2"):
        return bz2.compress(text)
    if not path.endswith(".zip"):
        return gzip.compress(text, 6, mtime=0)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        name = path.rpartition("/")[2].removesuffix(".zip") + ".csv"
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    return packed.getvalue()


def _start(path: str) -> datetime | None:
    """The slot of a path; None if there is no such path."""
    try:
        if found := _HOUR.fullmatch(path):
            return datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[arg-type,misc]  # four numbers
        if found := _MONTH.fullmatch(path):
            return datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)
        if found := _UPDATES.fullmatch(path):
            return datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[arg-type,misc]  # five numbers
        found = _KLINES.fullmatch(path) or _SPOT.fullmatch(path)
        if found is None or found[1] not in SYMBOLS:
            return None
        return datetime(int(found[2]), int(found[3]), int(found[4]), tzinfo=UTC)
    except ValueError:
        return None
