"""A file store without an API."""

import gzip
import random
from typing import Any

from werkzeug import Request, Response

from backhaul.testing import Emulator


class Shelf(Emulator):
    """Files are put into its storage; there is no API."""

    provider = "shelf"

    def api(self, request: Request) -> Response:
        del request
        return Response(status=404)

    def source(self) -> dict[str, Any]:
        return {}

    def jobs(self) -> dict[str, dict[str, Any]]:
        return {}


def large_archive(seed: int, size: int) -> bytes:
    """A gzip file of about this size, fast to create and decompress."""
    noise = random.Random(seed).randbytes(1 << 16).hex().encode()
    text = b"".join(b'"%s"\n' % noise[i * 64 : i * 64 + 64000] for i in range(size // 64000 + 1))
    return gzip.compress(text, compresslevel=0, mtime=0)
