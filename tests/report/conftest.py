"""Archives written directly through the ledger, fast and with every state; and a browser."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backhaul.cli.main import main
from backhaul.ledger.ledger import Ledger
from backhaul.types import HERE, JobState, JobStatus, RemoteFile, Slots, SlotState, Totals

TEN = timedelta(minutes=10)
YAML = """\
version: 1
settings:
  dest: archive
sources:
  gnip:
    provider: gnip-hpt
    account: acme
    username: ${GNIP_USERNAME}
    password: ${GNIP_PASSWORD}
jobs:
  JOB:
    source: gnip
    id: kj4r26m0qx
"""
Fate = Callable[[datetime, random.Random], SlotState | None]


def write_config(folder: Path, job: str) -> Path:
    """A YAML file with a single job of that name."""
    path = folder / "backhaul.yaml"
    path.write_text(YAML.replace("JOB", job))
    return path


def every_state(at: datetime, dice: random.Random) -> SlotState | None:
    """Produces every state within a day or two."""
    if at.hour == 3:
        return None
    odds = [(0.90, SlotState.VERIFIED), (0.93, SlotState.MISSING), (0.95, SlotState.CORRUPT),
            (0.97, SlotState.SUSPECT), (0.98, SlotState.FAILED), (0.99, SlotState.PARTIAL)]  # fmt: skip
    thrown = dice.random()
    return next((state for limit, state in odds if thrown < limit), SlotState.PENDING)


def make_hpt(
    folder: Path, job: str, *, start: datetime, days: int, fate: Fate = every_state
) -> Path:
    """An HPT archive; returns the path of its YAML.

    Args:
        folder: receives the YAML and the destination.
        job: the job's name.
        start: the first day.
        days: the number of days.
        fate: the state of each slot's file; None: not listed by the provider.
    """
    dice = random.Random(7)
    end = start + timedelta(days=days)
    archive = folder / "archive"
    (archive / job).mkdir(parents=True)
    with Ledger(archive / ".backhaul") as ledger:
        number = ledger.jobs.open(job, source="gnip", provider="gnip-hpt")
        files = list(_files(job, start, days, fate, dice))
        ledger.files.add(number, [file for file, _ in files])
        done = [_done(file, state, number, dice) for file, state in files if state in HERE]
        ledger.files.save_done(done)
        for file, state in files:
            if state in _FAILURES:
                kind, message = _FAILURES[state]
                ledger.files.save_failed(number, file.name, state=state, kind=kind, message=message)
        here = ledger.inventory.summary(number)
        ledger.jobs.save_status(
            number,
            JobStatus(
                JobState.READY,
                100.0,
                "delivered: Job delivered and available for download.",
                expires=datetime.now(UTC) + timedelta(days=11, hours=2),
                totals=Totals(
                    files=len(files), records=here.records + 211, bytes=here.bytes + 40_000
                ),
                slots=(Slots(start, end, every=TEN),),
                warnings=("the provider lists 3 minutes as suspect",),
            ),
        )
        ledger.jobs.save_listed(number)
    for row in done:
        with (archive / job / str(row[-1])).open("wb") as file:
            file.truncate(int(str(row[1])))
    return write_config(folder, job)


_FAILURES = {
    SlotState.MISSING: ("not_found", "HTTP 404: NoSuchKey"),
    SlotState.CORRUPT: ("corrupt", "the gzip stream ends too early"),
    SlotState.FAILED: ("unreachable", "no answer after 6 tries"),
    SlotState.PARTIAL: ("timeout", "no data for 60 s"),
}


def _files(
    job: str, start: datetime, days: int, fate: Fate, dice: random.Random
) -> Iterator[tuple[RemoteFile, SlotState]]:
    for number in range(days * 144):
        at = start + number * TEN
        state = fate(at, dice)
        if state is None:
            continue
        name = f"{job}_kj4r26m0qx_{at:%Y_%m_%d_%H_%M}_activities.json.gz"
        suspect = state is SlotState.SUSPECT
        yield (
            RemoteFile(
                name, start=at, end=at + TEN, optional=True, footer_lines=1, suspect=suspect
            ),
            state,
        )


def _done(file: RemoteFile, state: SlotState, job: int, dice: random.Random) -> tuple[object, ...]:
    hour = file.start.hour if file.start else 0
    records = int(dice.gauss(400 + 300 * (1 - abs(hour - 15) / 12), 60))
    fetched = 1_420_070_400 + int((file.start.timestamp() if file.start else 0) % 31_536_000 / 5000)
    size = records * dice.randint(180, 220)
    return (
        state, size, dice.randbytes(32).hex(), records, '"etag"', None, None, fetched, 4, job, file.name,
    )  # fmt: skip


@pytest.fixture
def hpt() -> Callable[..., Path]:
    """Creates an HPT archive; see make_hpt."""
    return make_hpt


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The YAML of a three-day job with slots in every state."""
    return make_hpt(tmp_path, "worldcup", start=datetime(2014, 5, 17, tzinfo=UTC), days=3)


@pytest.fixture
def report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Path]:
    """Writes the report of a YAML file with the real command."""

    def write(*configs: Path) -> Path:
        out = tmp_path / "report.html"
        assert main(["report", *map(str, configs), "-o", str(out)]) == 0
        capsys.readouterr()
        return out

    return write


@pytest.fixture
def gaps(capsys: pytest.CaptureFixture[str]) -> Callable[[Path], dict[str, Any]]:
    """The output of `gaps --json` for each job of a YAML file."""

    def ask(config: Path) -> dict[str, Any]:
        capsys.readouterr()
        assert main(["gaps", str(config), "--json"]) == 0
        reported = json.loads(capsys.readouterr().out)
        return {job["job"]: job["slots"] for job in reported["jobs"]}

    return ask


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser for all tests."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("chromium and chromium-driver are not installed")
    webdriver = pytest.importorskip("selenium.webdriver")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (
        "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
        "disable-background-networking", "disable-component-update", "disable-sync",
        "disable-dev-shm-usage", "window-size=1300,1000",
        f"user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=service.Service(driver))
    yield started
    with suppress(OSError):
        started.quit()
