"""The cost of looking at a very large archive: processor time and memory of each command.

    python -m tests.bench.looking FOLDER [--rows 2000000] [--bad 1000] [--slots MINUTES]

The archive is written directly through the ledger, and its files are links to a few bodies. It is kept in
FOLDER and reused.
"""

import argparse
import os
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench import measure, table

from backhaul.ledger.ledger import Ledger
from backhaul.types import JobState, JobStatus, RemoteFile, Slots, SlotState, Totals

_FIRST = datetime(1990, 1, 1, tzinfo=UTC)
_AT_ONCE = 20_000
_LINKS = 60_000  # links to one inode; file systems do not allow many more
_BODY = b"a line of a file\n"
_YAML = """\
version: 1
settings:
  dest: archive
sources:
  gnip: {provider: gnip-hpt, account: acme, username: user, password: secret}
jobs:
  large: {source: gnip, id: kj4r26m0qx}
"""
_COMMANDS = {
    "gaps": ["gaps"],
    "gaps --json": ["gaps", "--json"],
    "gaps --csv": ["gaps", "--csv"],
    "files": ["files"],
    "status --offline": ["status", "--offline"],
    "report": ["report", "-o", "report.html"],
}


def build(folder: Path, *, rows: int, bad: int, every: timedelta) -> Path:
    """An archive with one file per slot, every ``bad``-th of them missing; returns its YAML."""
    archive = folder / "archive" / "large"
    archive.mkdir(parents=True)
    dice = random.Random(1)
    with Ledger(archive.parent / ".backhaul") as ledger:
        job = ledger.jobs.open("large", source="gnip", provider="gnip-hpt")
        for first in range(0, rows, _AT_ONCE):
            batch = range(first, min(first + _AT_ONCE, rows))
            files = [_file(number, every) for number in batch]
            ledger.files.add(job, files)
            here = [file for number, file in zip(batch, files, strict=True) if number % bad]
            ledger.files.save_done([_done(job, file, dice) for file in here])
            for number, file in zip(batch, files, strict=True):
                if number % bad == 0:
                    ledger.files.save_failed(
                        job,
                        file.name,
                        state=SlotState.MISSING,
                        kind="not_found",
                        message="HTTP 404",
                    )
        ledger.jobs.save_status(
            job,
            JobStatus(
                JobState.READY,
                100.0,
                totals=Totals(files=rows),
                slots=(Slots(_FIRST, _FIRST + rows * every, every=every),),
            ),
        )
        ledger.jobs.save_listed(job)
    _write_files(archive, (_file(number, every).name for number in range(rows) if number % bad))
    config = folder / "large.yaml"
    config.write_text(_YAML)
    return config


def _file(number: int, every: timedelta) -> RemoteFile:
    start = _FIRST + number * every
    name = f"{start:%Y/%m}/large_{start:%Y_%m_%d_%H_%M}_activities.json.gz"
    return RemoteFile(name, start=start, end=start + every, optional=True, footer_lines=1)


def _done(job: int, file: RemoteFile, dice: random.Random) -> tuple[object, ...]:
    return (
        "verified", len(_BODY), dice.randbytes(32).hex(), dice.randrange(900), '"etag"', None, None,
        1_700_000_000, 4, job, file.name,
    )  # fmt: skip


def _write_files(archive: Path, names: Iterator[str]) -> None:
    body = archive.parent / "body"
    for number, name in enumerate(names):
        if number % _LINKS == 0:
            body.unlink(missing_ok=True)
            body.write_bytes(_BODY)
        path = archive / name
        try:
            os.link(body, path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True)
            os.link(body, path)
    body.unlink(missing_ok=True)


def main() -> None:
    """Measure each command once."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--rows", type=int, default=2_000_000)
    arguments.add_argument("--bad", type=int, default=1000, help="each such file is missing")
    arguments.add_argument("--minutes", type=int, default=10, help="length of a slot")
    arguments.add_argument("--only", choices=_COMMANDS, action="append")
    given = arguments.parse_args()
    config = given.folder / "large.yaml"
    if not config.exists():
        every = timedelta(minutes=given.minutes)
        config = build(given.folder, rows=given.rows, bad=given.bad, every=every)
    rows = []
    for name in given.only or _COMMANDS:
        program = [sys.executable, "-m", "backhaul", *_COMMANDS[name], str(config.absolute())]
        cost = measure.run(program, cwd=given.folder)
        rows.append((name, f"{cost.cpu:.2f} s", f"{cost.memory / 1e6:.0f} MB"))
    sys.stdout.write(table.grid(("command", "processor time", "memory"), rows))


if __name__ == "__main__":
    main()
