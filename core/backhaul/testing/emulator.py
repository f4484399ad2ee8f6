"""The base class of emulators: the API on one loopback port, a file store on another."""

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from io import BytesIO
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote_to_bytes

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

from backhaul.testing.connection import Port
from backhaul.testing.faults import Faults
from backhaul.testing.message import Incoming, Reply
from backhaul.testing.misbehave import misbehave
from backhaul.testing.recorded import Log, Recorded
from backhaul.testing.storage import Storage
from backhaul.testing.wire import Wire

CONTROL = "/__backhaul__/"
_log = logging.getLogger(__name__)


class Emulator:
    """A provider's API with synthetic data. Subclasses implement ``api``, ``source`` and ``jobs``.

    ``api`` is called by one thread at a time. Other processes can read (GET) and clear (DELETE) the log at
    ``/__backhaul__/requests`` on the API's port, and set faults as text (POST) at
    ``/__backhaul__/faults``.

    Attributes:
        provider: the provider's name in YAML.
        files_at: the port that serves files; storage faults occur there.
        faults: the faults to inject; may be replaced while it runs.
        requests: the log.
        storage: the file store.
        errors: exceptions raised by ``api``; leaving the context manager raises the first.
        ports: the ports by name, ``api`` and ``storage``, with their connection counts.
    """

    provider = ""
    files_at = "storage"

    def __init__(
        self,
        *,
        seed: int = 1,
        faults: Faults | str | None = None,
        port: int = 0,
        storage_port: int = 0,
        link_budget: int | None = None,
        link_lifetime: float = 3600.0,
        prefix: str = "",
        **scale: Any,
    ) -> None:
        """Prepare the emulator; ``start`` opens the ports.

        Args:
            seed: seed of the synthetic data.
            faults: faults to inject, as text or Faults.
            port: the API's port; 0 for any free one.
            storage_port: the storage's port; 0 for any free one.
            link_budget: see ``Storage``.
            link_lifetime: seconds that signed links are valid.
            prefix: path prefix of the API, as behind a gateway: ``/gateway``.
            scale: provider-specific settings.
        """
        self.seed = seed
        self.scale = scale
        self.prefix = prefix
        self.faults = (
            Faults.parse(faults, seed=seed) if isinstance(faults, str) else faults or Faults()
        )
        self.requests = Log()
        self.storage = Storage(faults=self.faults, link_budget=link_budget, lifetime=link_lifetime)
        self.errors: list[Exception] = []
        self.ports: dict[str, Port] = {}
        self._numbers = (port, storage_port)
        self._wire: Wire | None = None

    def api(self, request: Request) -> Response:
        """The provider's response. A streamed response is chunked; HTTPException becomes a response."""
        raise NotImplementedError

    def source(self) -> dict[str, Any]:
        """YAML keys of a source that connects to this emulator."""
        raise NotImplementedError

    def jobs(self) -> dict[str, dict[str, Any]]:
        """YAML keys of example jobs by name, without ``source``."""
        raise NotImplementedError

    def is_file(self, path: str, query: str) -> bool:
        """Whether a request at the API's port is for a file, if that port serves the files."""
        del path, query
        return True

    @property
    def url(self) -> str:
        """The API's ``http://127.0.0.1:port/prefix``, without a trailing slash."""
        return f"http://127.0.0.1:{self.ports['api'].number}{self.prefix}"

    def start(self) -> Self:
        """Open the ports. Raises OSError if one is in use."""
        self._wire = Wire()
        self._wire.start()
        try:
            self.ports["api"] = self._wire.listen(self._answer_api, self._numbers[0])
            self.ports["storage"] = self._wire.listen(self._answer_storage, self._numbers[1])
        except OSError:
            self.stop()
            raise
        self.storage.url = f"http://127.0.0.1:{self.ports['storage'].number}"
        return self

    def stop(self) -> None:
        """Close the ports."""
        if self._wire is not None:
            self._wire.stop()
            self._wire = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self.errors and error is None:
            raise self.errors[0]

    def _answer_storage(self, incoming: Incoming) -> Reply:
        try:
            reply = self.storage.answer(incoming)
        except Exception as error:  # noqa: BLE001 - stored in `errors` and raised on exit
            self._failed(incoming, error)
            reply = Reply(status=500)
        return self._recorded("storage", incoming, reply)

    def _answer_api(self, incoming: Incoming) -> "Reply | asyncio.Future[Reply]":
        if incoming.path.startswith(self.prefix + CONTROL):
            return self._control(incoming)
        if not incoming.path.startswith(f"{self.prefix}/"):
            return self._recorded("api", incoming, Reply(status=404))
        return asyncio.get_running_loop().run_in_executor(None, self._api_reply, incoming)

    def _api_reply(self, incoming: Incoming) -> Reply:
        reply = self._called(incoming)
        places = {"api"}
        if self.files_at == "api" and self.is_file(incoming.path, incoming.query):
            places.add("storage")
        whole = f"{incoming.path}?{incoming.query}" if incoming.query else incoming.path
        fault = self.faults.pick(places, whole, incoming.path)
        if fault is not None:
            reply = misbehave(fault, incoming, reply)
        reply.clock = self.faults.clock("api")
        return self._recorded("api", incoming, reply)

    def _called(self, incoming: Incoming) -> Reply:
        environ = self._environ(incoming)
        try:
            response = self.api(Request(environ))
        except HTTPException as refusal:
            response = Response.force_type(refusal.get_response(environ), environ)
        except Exception as error:  # noqa: BLE001 - stored in `errors` and raised on exit
            self._failed(incoming, error)
            response = Response("emulator error", 500, mimetype="text/plain")
        headers = [(name, value) for name, value in response.headers if name != "Content-Length"]
        body = _pieces(response) if response.is_streamed else response.get_data()
        return Reply(status=response.status_code, headers=headers, body=body)

    def _environ(self, incoming: Incoming) -> dict[str, Any]:
        path = incoming.path.removeprefix(self.prefix)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": incoming.method,
            "SCRIPT_NAME": self.prefix,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": incoming.query,
            "REQUEST_URI": incoming.path,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.ports["api"].number),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": incoming.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(incoming.body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(incoming.body),
        }
        for name, value in incoming.headers.items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        return environ

    def _failed(self, incoming: Incoming, error: Exception) -> None:
        _log.error("the emulator of %s failed at %s", self.provider, incoming.path, exc_info=error)
        self.errors.append(error)

    def _recorded(self, port: str, incoming: Incoming, reply: Reply) -> Reply:
        self.requests.add(
            Recorded(
                port=port,
                method=incoming.method,
                path=incoming.path,
                query=incoming.query,
                headers=incoming.headers,
                status=reply.status,
                body_bytes=0 if incoming.method == "HEAD" else reply.body_bytes,
                time=time.time(),
            )
        )
        return reply

    def _control(self, incoming: Incoming) -> Reply:
        word = incoming.path.removeprefix(self.prefix + CONTROL)
        if (incoming.method, word) == ("GET", "requests"):
            return _json([entry.as_json() for entry in self.requests])
        if (incoming.method, word) == ("DELETE", "requests"):
            self.requests.clear()
            return _json([])
        if (incoming.method, word) == ("POST", "faults"):
            try:
                self.faults.replace(incoming.body.decode())
            except ValueError as error:
                return _json({"error": str(error)}, 400)
            return _json([fault.kind for fault in self.faults.all])
        return _json({"error": "GET or DELETE requests, POST faults"}, 404)


def _pieces(response: Response) -> Iterator[bytes]:
    try:
        yield from response.iter_encoded()
    finally:
        response.close()


def _json(value: Any, status: int = 200) -> Reply:
    body = json.dumps(value).encode()
    return Reply(status=status, headers=[("Content-Type", "application/json")], body=body)
