"""An emulator of the Stream Meta API, with made-up streams.

Documented: paths, parameters, JSON keys, 404 with a blank body. The XML elements and what a young
stream answers are guesses: one of the streams gives zeros, another shorter arrays.
"""

import gzip
import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from werkzeug import Request, Response
from werkzeug.datastructures import MultiDict

from backhaul.testing import Emulator
from backhaul_massrelevance_meta import made_up
from backhaul_massrelevance_meta.made_up import Stream
from backhaul_massrelevance_meta.streams import PROBE

_DEFAULTS = {"num_minutes": (60, 60), "num_hours": (24, 3600), "num_days": (365, 86_400)}
_KEYS = {"num_minutes": "minute", "num_hours": "hourly", "num_days": "daily"}
_LARGEST = 1_000_000


class MassRelevanceMetaEmulator(Emulator):
    """An account with three streams: an old one, a young one with zeros, a young and rich one.

    The documents are made at each request, on the API's own port.
    """

    provider = "massrelevance-meta"
    files_at = "api"

    def __init__(self, *, account: str = "bdainton", **settings: Any) -> None:
        """Prepare.

        Args:
            account: name of the account.
            settings: see ``Emulator``.
        """
        super().__init__(**settings)
        self.account = account
        self.streams = {
            stream.name: stream
            for stream in (
                Stream("kindle", "Talk about reading devices.", "2010-09-21T19:18:20Z", self.seed),
                Stream("harbor", "Talk about a harbor.", "2012-09-27T00:00:00Z", self.seed),
                Stream(
                    "things-we-do",
                    "What people are doing.",
                    "2012-09-26T15:07:07Z",
                    self.seed,
                    short=True,
                    advanced=True,
                ),
            )
        }

    def api(self, request: Request) -> Response:
        """``/{account}.json`` and ``/{account}/{stream}/meta.{json|xml}``."""
        if request.path == f"/{self.account}.json":
            streams = [stream.listed(self.account) for stream in self.streams.values()]
            return _answer(request, json.dumps({"streams": streams}), "application/json")
        account, _, rest = request.path.removeprefix("/").partition("/")
        name, _, page = rest.partition("/")
        stream = self.streams.get(unquote(name))
        if account != self.account or stream is None or page not in {"meta.json", "meta.xml"}:
            return Response(b"", 404)
        try:
            document = self._meta(stream, request.args)
        except ValueError:
            return Response(b"", 500)
        if page == "meta.xml":
            return _answer(request, made_up.as_xml(document), "application/xml")
        return _answer(request, json.dumps(document), "application/json")

    def is_file(self, path: str, query: str) -> bool:
        """A snapshot, less the small one by which the stream's state is asked for."""
        return path.endswith(("/meta.json", "/meta.xml")) and PROBE not in query

    def source(self) -> dict[str, Any]:
        """YAML keys of a source that reaches this emulator."""
        return {"provider": self.provider, "account": self.account, "base_url": self.url}

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Five days of the old stream, in both formats."""
        return {
            "kindle": {
                "stream": "kindle",
                "formats": ["json", "xml"],
                "params": {"num_minutes": 1440, "num_hours": 24, "num_days": 7},
                "from": "2012-09-26",
                "to": "2012-10-01",
                "every": "1d",
            }
        }

    def _meta(self, stream: Stream, args: "MultiDict[str, str]") -> dict[str, Any]:
        finish = int(args.get("finish", int(time.time())))
        document: dict[str, Any] = {
            "name": stream.name,
            "full_name": f"{self.account}/{stream.name}",
            "description": stream.description,
            "created_at": stream.created_at,
        }
        if args.get("activity", "1") != "0":
            document["count"] = stream.count()
            document["activity"] = {}
            for parameter, (default, step) in _DEFAULTS.items():
                number = int(args.get(parameter, default))
                if not 0 < number <= _LARGEST:
                    raise ValueError(parameter)
                document["activity"][_KEYS[parameter]] = stream.activity(finish, number, step)
        if stream.advanced:
            document |= made_up.advanced(stream, args, datetime.fromtimestamp(finish, UTC))
        if args.get("networks") == "1":
            document["networks"] = [{"network": "twitter", "count": stream.count()["approved"]}]
        return document


def _answer(request: Request, text: str, mimetype: str) -> Response:
    body, headers = text.encode(), {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body = gzip.compress(body, 1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, mimetype=mimetype, headers=headers)
