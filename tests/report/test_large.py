"""A report of a large archive: memory does not grow with it, and the page's size is bounded."""

import base64
import gzip
import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backhaul.archive.jobs import known_jobs
from backhaul.config.batch import load_outline
from backhaul.types import SlotState
from backhaul_report.columns import CODES
from backhaul_report.data import PageData
from backhaul_report.job import JobReport, read_job
from backhaul_report.page import render

START = datetime(2014, 5, 17, tzinfo=UTC)
Make = Callable[..., Path]


@contextmanager
def reported(config: Path, **limits: int) -> Iterator[tuple[JobReport, PageData]]:
    """The report's data for a configuration's only job."""
    with PageData(**limits) as data:
        (job,) = [read_job(known, data=data) for known in known_jobs(load_outline([config]))]
        yield job, data


def unpacked(data: PageData) -> dict[str, Any]:
    """The columns of a page's only job."""
    (entry,) = json.loads("".join(data.text()))
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(entry["columns"])))
    return found


def verified_mostly(at: datetime, _dice: object) -> SlotState:
    return SlotState.MISSING if (at.hour, at.minute) == (4, 0) else SlotState.VERIFIED


def peak(folder: Path, hpt: Make, days: int) -> int:
    """Peak memory, in bytes, while a report of this many days is written."""
    config = hpt(folder, "worldcup", start=START, days=days, fate=verified_mostly)
    tracemalloc.start()
    with reported(config) as (job, data):
        assert sum(len(part) > 0 for part in render([job], data)) > 3
    _, found = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return found


@pytest.mark.matrix
def test_the_memory_of_a_report_does_not_grow_with_the_archive(tmp_path: Path, hpt: Make) -> None:
    peak(tmp_path / "warm", hpt, 1)
    few, many = peak(tmp_path / "few", hpt, 10), peak(tmp_path / "many", hpt, 30)
    assert many < few + 300_000  # 2,880 files more


def test_above_a_limit_only_what_is_not_verified_is_named(tmp_path: Path, hpt: Make) -> None:
    config = hpt(tmp_path, "worldcup", start=START, days=3, fate=verified_mostly)
    with reported(config) as (whole, data):
        every = unpacked(data)
    with reported(config, most_named=100) as (brief, data):
        some = unpacked(data)
        text = "".join(render([brief], data))
    assert (brief.slots, brief.files, brief.gaps) == (whole.slots, whole.files, whole.gaps)
    assert (brief.records, brief.size) == (whole.records, whole.size)
    for column in ("count", "runs", "states"):
        assert some[column] == every[column]
    assert every["files"]["count"] == 3 * 144
    assert some["files"]["names"] == [
        f"worldcup_kj4r26m0qx_2014_05_{day}_04_00_activities.json.gz" for day in (17, 18, 19)
    ]
    assert "too many files to list them all" in text


def missing_or_not(at: datetime, _dice: object) -> SlotState:
    return SlotState.VERIFIED if at.hour == 4 else SlotState.MISSING


def test_many_missing_files_are_the_same_read_in_brief(tmp_path: Path, hpt: Make) -> None:
    config = hpt(tmp_path, "worldcup", start=START, days=5, fate=missing_or_not)
    with reported(config) as (whole, data):
        every = unpacked(data)
    with reported(config, most_named=100) as (brief, data):
        some = unpacked(data)
    assert (brief.slots, brief.files) == (whole.slots, whole.files)
    assert (brief.gaps, brief.more_gaps) == (whole.gaps, whole.more_gaps)
    assert brief.problems.groups() == whole.problems.groups()
    for column in ("count", "runs", "states", "why"):
        assert some[column] == every[column]
    assert some["texts"] == every["texts"][: len(some["texts"])]
    names = [
        name for name in every["files"]["names"] if not re.search(r"_04_\d\d_activities", name)
    ]
    assert some["files"]["names"] == names
    assert some["files"]["states"] == [CODES[SlotState.MISSING], 5 * 138]
    assert some["files"]["sizes"] == some["files"]["records"] == [None] * 5 * 138
