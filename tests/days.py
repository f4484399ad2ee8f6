"""A dated archive on a real web server, and a configuration that fetches it into a bucket."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.seaweed import PRIVATE


def config(web: str, store: str, *, days: int, prefix: str | None = None) -> str:
    """YAML of a job that fetches a file for each day of January 2015.

    Args:
        web: the web server's URL.
        store: the store's URL.
        days: the number of days.
        prefix: the archive's prefix in the bucket; None: an unused one. Names of folders are used again.
    """
    prefix = secrets.token_hex(6) if prefix is None else prefix
    return f"""
version: 1
settings:
  dest: s3://{PRIVATE}/{prefix}
  store: {{endpoint: "{store}"}}
sources:
  days: {{provider: http-series, url: "{web}/{{start:%-d}}.json.gz", every: 1d, lag: 0s}}
jobs:
  days: {{source: days, from: 2015-01-01, to: 2015-01-{days + 1:02}}}
"""


@contextmanager
def served(folder: Path, files: Mapping[str, bytes]) -> Iterator[str]:
    """A web server with these files."""
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
