from collections.abc import Iterator
from typing import Any

import pytest
import requests
from werkzeug import Request, Response
from werkzeug.exceptions import NotFound

from backhaul.testing import Emulator


class LibraryEmulator(Emulator):
    """A minimal provider: one text, one list, one file."""

    provider = "library"

    def api(self, request: Request) -> Response:
        if request.path == "/list":
            return Response(f"line {number}\n".encode() for number in range(5))
        if request.path == "/fails":
            raise RuntimeError("a bug of the emulator")
        if request.path == "/nothing":
            raise NotFound
        if request.path == "/empty":
            return Response(status=204)
        login = request.authorization
        return Response(
            f"{request.method} {request.path} {request.args.get('q')} "
            f"{login.username if login else None} {request.get_data(as_text=True)}"
        )

    def source(self) -> dict[str, Any]:
        return {"provider": self.provider, "base_url": self.url}

    def jobs(self) -> dict[str, dict[str, Any]]:
        return {}


@pytest.fixture
def emulator() -> Iterator[LibraryEmulator]:
    with LibraryEmulator() as running:
        yield running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as one:
        one.trust_env = False
        yield one
