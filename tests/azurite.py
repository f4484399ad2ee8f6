"""A real Azure Blob service on loopback: Azurite, from npm."""

import base64
import hashlib
import hmac
import http.client
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest

ACCOUNT = "devstoreaccount1"
# Published by Microsoft for its emulator.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
CONTAINER = "archives"
_READY = 30.0  # seconds, enough on a busy machine


@contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """Runs the service with one container; skips the test if it is not installed.

    Yields the endpoint.
    """
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("azurite-blob is not on the PATH: npm install -g azurite")
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--location", str(folder), "--silent", "--skipApiVersionCheck"]
    command += ["--disableTelemetry"]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _create_container(port, running, folder / "log")
        yield f"http://127.0.0.1:{port}/{ACCOUNT}"
    finally:
        running.terminate()
        running.wait(30)


def _create_container(port: int, running: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _READY
    while True:
        try:
            status = _put_container(port)
        except OSError:
            status = 0
        if status == http.HTTPStatus.CREATED:
            return
        if time.monotonic() > until or running.poll() is not None:
            raise RuntimeError(f"no Azurite: {status} {log.read_text()[-2000:]}")
        time.sleep(0.2)


def _put_container(port: int) -> int:
    now = formatdate(usegmt=True)
    to_sign = "PUT\n" + "\n" * 11 + f"x-ms-date:{now}\nx-ms-version:2021-08-06\n"
    to_sign += f"/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
    digest = hmac.new(base64.b64decode(KEY), to_sign.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {
        "x-ms-date": now,
        "x-ms-version": "2021-08-06",
        "Authorization": f"SharedKey {ACCOUNT}:{signature}",
        "Content-Length": "0",
    }
    client.request("PUT", f"/{ACCOUNT}/{CONTAINER}?restype=container", headers=headers)
    status = client.getresponse().status
    client.close()
    return status
