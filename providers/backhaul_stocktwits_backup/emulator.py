"""An emulator of the Firestream backups, with synthetic days.

It returns the documented 302, 400, 401, and 404 with plain text, and accepts days without leading
zeros. Link, Content-Disposition and the form of the lines are undocumented, so they are guesses.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from werkzeug import Request, Response

from backhaul.testing import Emulator, Stored
from backhaul_stocktwits_backup.records import backup

USERNAME = "desk@example.org"
PASSWORD = "made-up-password"  # noqa: S105 - the emulator's own
_NAMED = {"message": "messages"}  # the documented example of reading a file uses this plural
_PATH = re.compile(r"(/symbols)?/backups/([^/]+)/(\d{1,4})/(\d{1,2})/(\d{1,2})")
METRICS = ("sentiment", "message_volume")


class StocktwitsBackupEmulator(Emulator):
    """Backups of every day from ``first`` to ``last``, except the ``missing`` ones."""

    provider = "stocktwits-backup"

    def __init__(
        self,
        *,
        records: int = 20,
        first: str = "2009-07-01",
        last: str = "2024-12-31",
        missing: Iterable[str] = ("2016-12-25",),
        envelope: bool = False,
        **settings: Any,
    ) -> None:
        """Prepare.

        Args:
            records: approximate number of lines per file.
            first: first day with a backup.
            last: last day with a backup.
            missing: days without one, such as ``2016-12-25`` or ``message/2016-12-25``.
            envelope: lines are envelopes like the live stream's, rather than bare objects.
            settings: see ``Emulator``.
        """
        super().__init__(**settings)
        self.records = records
        self.first, self.last = date.fromisoformat(first), date.fromisoformat(last)
        self.missing = set(missing)
        self.envelope = envelope
        self.storage.bucket = "firestream.backups"
        self.storage.mount("backups/", self._stored)

    def api(self, request: Request) -> Response:
        """``/backups/{file_type}/{year}/{month}/{day}``, and the same for symbols."""
        login = request.authorization
        if login is None or (login.username, login.password) != (USERNAME, PASSWORD):
            refusal = _text("HTTP authentication failed due to invalid credentials.", 401)
            refusal.headers["WWW-Authenticate"] = 'Basic realm="Firestream"'
            return refusal
        found = _PATH.fullmatch(request.path)
        if found is None:
            return _text("404 page not found", 404)
        try:
            day = date(int(found[3]), int(found[4]), int(found[5]))
        except ValueError:
            return _text("Please verify that the date is correct.", 400)
        kind = f"symbols_{found[2]}" if found[1] else found[2]
        if not self._has(kind, day):
            return _text("The file requested was not found.", 404)
        link = self.storage.link(f"backups/{kind}/{day:%Y/%m/%d}.gz")
        return Response(status=302, headers={"Location": link})

    def source(self) -> dict[str, Any]:
        """YAML keys of a source that connects to this emulator."""
        return {
            "provider": self.provider,
            "username": USERNAME,
            "password": PASSWORD,
            "base_url": self.url,
        }

    def jobs(self) -> dict[str, dict[str, Any]]:
        """A month of both file types, with one day missing."""
        return {
            "stocktwits-december": {
                "file_types": ["activity", "message"],
                "from": "2016-12-01",
                "to": "2017-01-01",
            }
        }

    def data(self, file_type: str, day: date) -> bytes:
        """The bytes of a day's backup."""
        return backup(self.seed, file_type, day, records=self.records, envelope=self.envelope)

    def _has(self, file_type: str, day: date) -> bool:
        return (
            file_type in {"activity", "message", *(f"symbols_{metric}" for metric in METRICS)}
            and self.first <= day <= self.last
            and not self.missing & {f"{day}", f"{file_type}/{day}"}
        )

    def _stored(self, key: str) -> Stored | None:
        file_type, _, rest = key.removeprefix("backups/").partition("/")
        day = datetime.strptime(rest, "%Y/%m/%d.gz").replace(tzinfo=UTC)
        name = f"stocktwits_{_NAMED.get(file_type, file_type)}_{day:%Y_%m_%d}.gz"
        return Stored(
            lambda: self.data(file_type, day.date()),
            content_type="application/gzip",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
            last_modified=day,
        )


def _text(message: str, status: int) -> Response:
    return Response(f"{message}\n", status, mimetype="text/plain")
