"""Killed at any moment while filling a store: no wrong object is ever visible, and the next run continues."""

import gzip
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Event, Thread

import obstore
import pytest
from obstore.store import S3Store
from tests import warm
from tests.days import config, served
from tests.faulty_proxy import Asked, Fault, FaultyProxy, faulty_proxy
from tests.seaweed import KEY, PRIVATE, SECRET, seaweed

DOCUMENTS = {"MANIFEST.jsonl", "SHA256SUMS", "datapackage.json"}
WRITES = 24  # writing requests of an undisturbed run, and a few more


def bodies() -> dict[str, bytes]:
    """One file per day, one of them uploaded in several requests."""
    chance = random.Random(7)
    found = {
        f"{day}.json.gz": gzip.compress(b'{"day": %d}\n' % day, mtime=0) for day in range(1, 13)
    }
    noise = b"".join(b'"%s"\n' % chance.randbytes(5000).hex().encode() for _ in range(2200))
    found["5.json.gz"] = gzip.compress(noise, compresslevel=0, mtime=0)
    return found


class Reader(Thread):
    """Polls the bucket, and verifies everything in it.

    Attributes:
        wrong: objects that should not exist.
        looks: how often the bucket was listed.
    """

    def __init__(self, url: str, files: dict[str, bytes]) -> None:
        super().__init__(daemon=True)
        self.store = S3Store(
            PRIVATE, endpoint=url, access_key_id=KEY, secret_access_key=SECRET,
            client_options={"allow_http": True},
        )  # fmt: skip
        self._files = files
        self._over = Event()
        self._seen: set[tuple[str, str | None]] = set()
        self.wrong: list[str] = []
        self.looks = 0

    def run(self) -> None:
        while not self._over.is_set():
            self.look()
            self._over.wait(0.02)

    def look(self) -> set[str]:
        """Lists the job's objects, and reads the new ones; returns the names."""
        found = obstore.list(self.store, "archive/days").collect()
        self.looks += 1
        for each in found:
            name = each["path"].removeprefix("archive/days/")
            if name in DOCUMENTS or (name, each["e_tag"]) in self._seen:
                continue
            self._seen.add((name, each["e_tag"]))
            got = obstore.get(self.store, each["path"])
            data = bytes(got.bytes())
            if data != self._files.get(name):
                self.wrong.append(f"{name}: {len(data)} bytes")
            kept = {key: got.attributes.get(key) for key in ("sha256", "proof")}
            digest = hashlib.sha256(data).hexdigest()
            if kept != {"sha256": digest, "proof": "length+container"}:
                self.wrong.append(f"{name}: {got.attributes}")
        return {each["path"].removeprefix("archive/days/") for each in found}

    def end(self) -> None:
        self._over.set()
        self.join(20)


def start(folder: Path) -> "subprocess.Popen[bytes]":
    return warm.Popen(
        [sys.executable, "-m", "backhaul", "run", "days.yaml", "--json", "-vv"],
        cwd=folder,
        env=os.environ | {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_and_kill(folder: Path, proxy: FaultyProxy, *, at: int, after: bool) -> None:
    """Kills a run at a writing request, before or after the store has processed it."""
    running: list[subprocess.Popen[bytes]] = []
    count = 0

    def kill() -> None:
        running[0].send_signal(signal.SIGKILL)

    def rule(asked: Asked) -> Fault | None:
        nonlocal count
        if asked.method not in {"PUT", "POST", "DELETE"}:
            return None
        count += 1
        if count != at:
            return None
        if after:
            return Fault(then=kill)
        kill()
        return Fault(reset_after=1000)

    proxy.rule = rule
    running.append(start(folder))
    _, err = running[0].communicate(timeout=50)
    proxy.rule = lambda _: None
    assert running[0].returncode in {0, -signal.SIGKILL}, err.decode()
    assert SECRET.encode() not in err


def killed(tmp_path: Path, points: list[tuple[int, bool]]) -> None:
    files = bodies()
    with (
        seaweed(tmp_path / "weed") as weed,
        served(tmp_path / "www", files) as web,
        faulty_proxy(weed.url) as proxy,
    ):
        text = config(web, proxy.url, prefix="archive", days=12)
        (tmp_path / "days.yaml").write_text(text)
        reader = Reader(weed.url, files)
        reader.start()
        for at, after in points:
            run_and_kill(tmp_path, proxy, at=at, after=after)
        last = start(tmp_path)
        out, err = last.communicate(timeout=50)
        assert last.returncode == 0, err.decode()
        (job,) = json.loads(out)["jobs"]
        assert job["files"]["verified"] == len(files)
        reader.end()
        assert reader.wrong == []
        assert reader.looks > len(points)
        assert reader.look() == files.keys() | DOCUMENTS
        # A large file counts once its upload is complete.
        stored = Counter(
            path.partition("?")[0].rpartition("/")[2]
            for method, path, status in proxy.answered
            if status == 200
            and (
                (method == "PUT" and "?" not in path) or (method == "POST" and "uploadId=" in path)
            )
        )
        assert {name: stored[name] for name in files} == dict.fromkeys(files, 1)
        client = obstore.list(reader.store, "archive/.backhaul/leases").collect()
        assert client == []


@pytest.mark.timeout(180)
@pytest.mark.matrix
def test_after_kills_while_filling_a_store_the_next_run_completes(tmp_path: Path) -> None:
    killed(tmp_path, [(5, True), (3, False), (8, True), (4, True)])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_after_kills_at_thirty_points_the_next_run_completes(tmp_path: Path) -> None:
    for number in range(6):
        chance = random.Random(number)
        (tmp_path / str(number)).mkdir()
        points = [(chance.randrange(1, WRITES), chance.random() < 0.5) for _ in range(5)]
        killed(tmp_path / str(number), points)
