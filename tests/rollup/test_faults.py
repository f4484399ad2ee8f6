"""A failure in one period does not affect others."""

import gzip
import json
import random
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.usual import usual

DAY = datetime(2014, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def lines(size: int) -> bytes:
    """An incompressible record of this size."""
    return b'{"a": "%s"}\n' % random.Random(size).randbytes(size // 2).hex().encode()


def states(result: dict[str, Any]) -> list[str]:
    return [output["state"] for output in result["outputs"]]


@pytest.mark.parametrize("form", usual(["jsonl.gz", "jsonl.zst", "parquet"], "jsonl.gz"))
def test_an_output_that_cannot_be_written_does_not_stop_the_others(archive: Any, form: str) -> None:
    for number, size in enumerate((1000, 300_000, 1000)):
        archive.put(f"{number}.gz", lines(size), DAY + number * HOUR)
    words = ["--to", "hour", "--format", form, "--json"]

    done = subprocess.run(
        [sys.executable, "-m", "backhaul", "rollup", archive.config(), *words],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        check=False,
    )

    assert b"Traceback" not in done.stderr
    (job,) = json.loads(done.stdout)["jobs"]
    assert (done.returncode, states(job)) == (9, ["written", "failed", "written"])
    assert "File too large" in job["outputs"][1]["message"]
    folder = archive.out / "hour" / form
    assert len(list(folder.glob(f"*.{form}"))) == 2
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize("form", ["jsonl.gz", "parquet"])
@pytest.mark.parametrize("packed", usual([True, False], True))
def test_a_line_that_is_too_long_fails_only_its_period(
    archive: Any, form: str, *, packed: bool
) -> None:
    for number, size in enumerate((100, 2000, 900)):
        text = lines(size)
        stored = gzip.compress(text, mtime=0) if packed else text
        content = "jsonl.gz" if packed else "jsonl"
        archive.put(f"{number}.gz", text, DAY + number * HOUR, stored=stored, content=content)
    config = archive.config()
    config.write_text(config.read_text().replace("archive}", "archive, max_line_size: 1K}"))
    archive.config = lambda: config

    result = archive.rollup("--to", "hour", "--format", form)

    assert (result["exit_code"], states(result)) == (3, ["written", "line_too_long", "written"])
    assert result["outputs"][1]["message"] == ("1.gz: a line exceeds 1,024 bytes (max_line_size)")
    assert "line too long" in archive.command("--to", "hour", "--format", form)[1]


def test_a_period_in_the_last_year_does_not_stop_the_others(archive: Any) -> None:
    archive.put("a.gz", b'{"a": 1}\n', DAY)
    archive.put("z.gz", b'{"a": 2}\n', datetime(9999, 12, 31, 23, tzinfo=UTC), every=HOUR / 2)

    for period in ("hour", "day", "month"):
        result = archive.rollup("--to", period)
        assert (result["exit_code"], states(result)) == (0, ["written", "written"])
        assert result["outputs"][1]["file"].partition("_")[2].startswith("9999-12")


def test_half_a_surrogate_pair_in_a_series_or_a_note_stops_nothing(archive: Any) -> None:
    archive.provider, archive.job = "stocktwits-backup", "talk"
    archive.put("a.gz", b'{"a": 1}\n', DAY, meta={"file_type": "cut \ud83d"})

    for form in ("jsonl.gz", "parquet"):
        result = archive.rollup("--to", "day", "--format", form)
        assert (result["exit_code"], states(result)) == (0, ["written"])
        (entry,) = archive.manifest(f"day/{form}")
        assert entry["series"] == "cut \ufffd"
