"""A synthetic archive: real files and a real ledger, as left by a run."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backhaul.cli.main import main
from backhaul.ledger.ledger import Ledger
from backhaul.names import key
from backhaul.types import JobState, JobStatus, RemoteFile, Slots, SlotState
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.evidence import standing
from backhaul.verify.verifier import verify_small

DAY = datetime(2014, 6, 12, tzinfo=UTC)
TEN = timedelta(minutes=10)
CONFIGS = {
    "gnip-hpt": (
        "account: acme, username: u, password: p",
        "id: kj4r26m0qx",
    ),
    "stocktwits-backup": (
        "username: u, password: p",
        "file_types: [activity, message], from: 2014-06-01, to: 2014-07-01",
    ),
    "massrelevance-meta": (
        "account: acme",
        "stream: kindle, from: 2014-06-12, to: 2014-06-15, every: 1d",
    ),
}


@dataclass
class Archive:
    folder: Path
    capsys: pytest.CaptureFixture[str] | None = None
    provider: str = "gnip-hpt"
    job: str = "worldcup"
    remote: list[RemoteFile] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    _open: Ledger | None = None

    @property
    def dest(self) -> Path:
        return self.folder / "archive"

    @property
    def files(self) -> Path:
        return self.dest / self.job

    @property
    def out(self) -> Path:
        return self.dest / f"{self.job}.rollup"

    def put(
        self,
        name: str,
        text: bytes,
        start: datetime | None,
        *,
        every: timedelta = TEN,
        stored: bytes | None = None,
        content: str = "jsonl.gz",
        **more: Any,
    ) -> RemoteFile:
        """A verified file; ``stored``: its bytes, by default the gzipped text."""
        end = None if start is None else start + every
        file = RemoteFile(name, start=start, end=end, content=content, **more)
        data = stored
        if data is None:
            data = gzip.compress(text, mtime=0) if content.endswith("gz") else text
        self.files.mkdir(parents=True, exist_ok=True)
        (self.files / name).write_bytes(data)
        seen = verify_small(data, content, footer_lines=file.footer_lines, limits=ContentLimits())
        with self.ledger() as ledger:
            job = self._job(ledger)
            ledger.files.add(job, [file])
            state, message = standing(file, seen)
            row = (
                state, seen.size, hashlib.sha256(data).hexdigest(), seen.records, '"v"',
                f"https://files.example/{name}", message, 1_700_000_000, 4, job, key(name),
            )  # fmt: skip
            ledger.files.save_done([row])
        self.remote.append(file)
        self.texts[name] = text
        return file

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, open within the context."""
        if self._open is not None:
            yield self._open
            return
        with Ledger(self.dest / ".backhaul") as opened:
            self._open = opened
            try:
                yield opened
            finally:
                self._open = None

    def copy(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> "Archive":
        """A copy of the files and the ledger."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return replace(
            self,
            folder=folder,
            capsys=capsys,
            remote=list(self.remote),
            texts=dict(self.texts),
        )

    def slots(self, start: datetime, end: datetime, every: timedelta = TEN) -> None:
        """Sets the slots that the provider reports for the job."""
        with Ledger(self.dest / ".backhaul") as ledger:
            slots = (Slots(start, end, every=every),)
            job = self._job(ledger)
            ledger.jobs.save_status(job, JobStatus(JobState.READY, slots=slots))
            ledger.jobs.save_listed(job)

    def fail(self, file: RemoteFile, state: SlotState, message: str) -> None:
        with Ledger(self.dest / ".backhaul") as ledger:
            job = self._job(ledger)
            ledger.files.save_failed(job, file.name, state=state, kind="not_found", message=message)
        (self.files / file.name).unlink()

    def rollup(self, *arguments: str) -> dict[str, Any]:
        """Runs ``backhaul rollup --json``; returns the job's part, with the overall exit code."""
        assert self.capsys
        code = main(["rollup", str(self.config()), "--json", *arguments])
        result = json.loads(self.capsys.readouterr().out)
        assert code == result["exit_code"]
        (found,) = result["jobs"]
        return {"exit_code": code, **found}

    def command(self, *arguments: str) -> tuple[int, str, str]:
        """Runs ``backhaul rollup`` with text output."""
        assert self.capsys
        code = main(["rollup", str(self.config()), *arguments])
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err

    def config(self) -> Path:
        source, job = CONFIGS[self.provider]
        path = self.folder / "backhaul.yaml"
        path.write_text(
            "version: 1\nsettings: {dest: archive}\n"
            f"sources: {{s: {{provider: {self.provider}, {source}}}}}\n"
            f"jobs: {{{self.job}: {{source: s, {job}}}}}\n"
        )
        return path

    def manifest(self, below: str) -> list[dict[str, Any]]:
        lines = (self.out / below / "_MANIFEST.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def _job(self, ledger: Ledger) -> int:
        job = ledger.jobs.open(self.job, source="s", provider=self.provider)
        ledger.jobs.save_listed(job)
        return job


@pytest.fixture
def archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Archive:
    return Archive(tmp_path, capsys)


def records(first: int, count: int) -> list[bytes]:
    return [
        json.dumps(
            {
                "id": f"tag:{number}",
                "verb": "post",
                "postedTime": f"2014-06-12T00:00:{number % 60:02}.000Z",
                "actor": {"preferredUsername": f"user{number % 7}"},
                "body": "a goal\u2028 é",
            }
        ).encode()
        for number in range(first, first + count)
    ]


def ten_minutes(lines: Sequence[bytes]) -> bytes:
    """In HPT's format: CR LF, blank lines in between, and a footer."""
    footer = json.dumps({"info": {"activity_count": len(lines)}}).encode()
    return b"\r\n\r\n".join([*lines, footer]) + b"\r\n"


@pytest.fixture(scope="session")
def _day(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    made = Archive(tmp_path_factory.mktemp("day"))
    with made.ledger():
        for number in range(144):
            if number % 12 != 5:
                start = DAY + number * TEN
                name = f"{start:%Y%m%d-%H%M}_kj4r26m0qx_activities.json.gz"
                made.put(name, ten_minutes(records(number * 10, 3)), start, footer_lines=1)
    made.slots(DAY, DAY + timedelta(days=1))
    return made


@pytest.fixture
def a_day(_day: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Archive:
    """144 slots of HPT; every twelfth is silent."""
    return _day.copy(tmp_path, capsys)


@pytest.fixture(scope="session")
def _month(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    made = Archive(tmp_path_factory.mktemp("month"), provider="stocktwits-backup", job="talk")
    with made.ledger():
        for number in range(30):
            day = datetime(2014, 6, 1 + number, tzinfo=UTC)
            for kind, count in (("activity", 2), ("message", 3)):
                lines = [b'{"id": %d, "body": "%s"}' % (number, kind.encode())] * count
                made.put(
                    f"stocktwits_{kind}_{day:%Y_%m_%d}.gz",
                    b"\n".join(lines) + b"\n",
                    day,
                    every=timedelta(days=1),
                    meta={"file_type": kind},
                )
    made.slots(
        datetime(2014, 6, 1, tzinfo=UTC), datetime(2014, 7, 1, tzinfo=UTC), timedelta(days=1)
    )
    return made


@pytest.fixture
def a_month(_month: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Archive:
    """StockTwits: a file per day for each of two types; they contain only records."""
    return _month.copy(tmp_path, capsys)
