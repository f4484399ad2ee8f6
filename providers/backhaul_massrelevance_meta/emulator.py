"""An emulator of the Stream Meta API, with synthetic streams.

According to the documentation, ``/{account}/{stream}.json`` also returns a stream's meta; the API's clients
expect its entities there. A setting chooses. Any JSON becomes JSONP if ``callback`` or ``jsonp`` names a
function.

Documented are paths, parameters, JSON keys, and 404 with an empty body. The XML elements and the responses of
young streams are guesses: one of the streams has zeros, another has shorter arrays.
"""

import gzip
import json
import re
import time
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import unquote

from werkzeug import Request, Response
from werkzeug.datastructures import MultiDict

from backhaul.testing import Emulator
from backhaul_massrelevance_meta import synthetic
from backhaul_massrelevance_meta.streams import PROBE
from backhaul_massrelevance_meta.synthetic import Stream
from backhaul_massrelevance_meta.synthetic_entities import entities

_DEFAULTS = {"num_minutes": (60, 60), "num_hours": (24, 3600), "num_days": (365, 86_400)}
_KEYS = {"num_minutes": "minute", "num_hours": "hourly", "num_days": "daily"}
_LARGEST = 1_000_000
_PATH = re.compile(
    r"/(?P<account>[^/]+)(?:/(?P<stream>[^/]+?)(?P<meta>/meta)?)?\.(?P<form>json|xml)"
)
_FUNCTION = re.compile(r"[\w$.\[\]]{1,100}", re.ASCII)
DEMO = "MassRelDemo"
"""The documentation's second account; its stream has the advanced sections."""


class MassRelevanceMetaEmulator(Emulator):
    """An account with three streams: an old one, a young one with zeros, and a young one with more sections.

    The last one is in the account ``MassRelDemo``, too. Documents are generated for each request, on
    the API's own port.
    """

    provider = "massrelevance-meta"
    files_at = "api"

    def __init__(
        self,
        *,
        account: str = "bdainton",
        stream_page: Literal["meta", "entities"] = "meta",
        **settings: Any,
    ) -> None:
        """Prepare.

        Args:
            account: name of the account.
            stream_page: what ``/{account}/{stream}.json`` returns: the stream's meta, as in the
                documentation, or its entities, as the API's clients expect.
            settings: see ``Emulator``.
        """
        super().__init__(**settings)
        self.account = account
        self._page = stream_page
        rich = Stream(
            "things-we-do",
            "What people are doing.",
            "2012-09-26T15:07:07Z",
            self.seed,
            short=True,
            advanced=True,
        )
        self.streams = {
            stream.name: stream
            for stream in (
                Stream("kindle", "Talk about reading devices.", "2010-09-21T19:18:20Z", self.seed),
                Stream("harbor", "Talk about a harbor.", "2012-09-27T00:00:00Z", self.seed),
                rich,
            )
        }
        self._accounts = {DEMO: {rich.name: rich}, account: self.streams}

    def api(self, request: Request) -> Response:
        """``/{account}.json``, ``/{account}/{stream}.json`` and ``/{account}/{stream}/meta.json``.

        The latter two also in XML, except for entities.
        """
        # The path as sent: a name may contain an encoded slash.
        path = request.environ["REQUEST_URI"].removeprefix(self.prefix)
        found = _PATH.fullmatch(path)
        streams = self._accounts.get(unquote(found["account"])) if found else None
        if found is None or streams is None:
            return Response(b"", 404)
        account = unquote(found["account"])
        if found["stream"] is not None:
            stream = streams.get(unquote(found["stream"]))
            return self._of_stream(account, stream, found, request) or Response(b"", 404)
        if found["form"] != "json":
            return Response(b"", 404)
        listed = [stream.listed(account) for stream in streams.values()]
        return _json(request, {"streams": listed})

    def _of_stream(
        self, account: str, stream: Stream | None, found: re.Match[str], request: Request
    ) -> Response | None:
        is_json = found["form"] == "json"
        as_entities = self._page == "entities" and not found["meta"]
        if stream is None or (as_entities and not is_json):
            return None
        try:
            if as_entities:
                return _json(request, entities(stream, request.args))
            document = self._meta(account, stream, request.args)
        except ValueError:
            return Response(b"", 500)
        if is_json:
            return _json(request, document)
        return _answer(request, synthetic.as_xml(document), "application/xml")

    def is_file(self, path: str, query: str) -> bool:
        """A snapshot, other than the small one that queries the stream's state."""
        return path.endswith(("/meta.json", "/meta.xml")) and PROBE not in query

    def source(self) -> dict[str, Any]:
        """YAML keys of a source that connects to this emulator."""
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

    @staticmethod
    def _meta(account: str, stream: Stream, args: "MultiDict[str, str]") -> dict[str, Any]:
        finish = int(args.get("finish", int(time.time())))
        document: dict[str, Any] = {
            "name": stream.name,
            "full_name": f"{account}/{stream.name}",
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
            document |= synthetic.advanced(stream, args, datetime.fromtimestamp(finish, UTC))
        if args.get("networks") == "1":
            document["networks"] = [{"network": "twitter", "count": stream.count()["approved"]}]
        return document


def _json(request: Request, document: Any) -> Response:
    text = json.dumps(document)
    function = request.args.get("callback") or request.args.get("jsonp")
    if function is None:
        return _answer(request, text, "application/json")
    if not _FUNCTION.fullmatch(function):
        return Response(b"", 500)
    return _answer(request, f"{function}({text});", "application/javascript")


def _answer(request: Request, text: str, mimetype: str) -> Response:
    body, headers = text.encode(), {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body = gzip.compress(body, 1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, mimetype=mimetype, headers=headers)
