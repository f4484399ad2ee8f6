"""The report as a file: its content without JavaScript, and what it never contains."""

import base64
import gzip
import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from backhaul.cli.main import main
from backhaul.errors import ExitCode, FailureKind
from backhaul.ledger.ledger import Ledger
from backhaul.redact import register
from backhaul.types import JobState, JobStatus, SlotState, Totals

START = datetime(2014, 5, 17, tzinfo=UTC)
Make = Callable[..., Path]
Report = Callable[..., Path]


class Tables(HTMLParser):
    """The rows of all tables, as seen without JavaScript."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data

    def row(self, first: str) -> list[str]:
        return next(row for row in self.rows if row and row[0].strip() == first)


def everything(page: str) -> str:
    """The page's text, including its compressed data."""
    found = re.search(r'id="backhaul-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    packed = [
        gzip.decompress(base64.b64decode(entry["columns"])).decode()
        for entry in json.loads(found[1])
    ]
    return page + "".join(packed)


def all_verified(_at: datetime, _dice: object) -> SlotState:
    return SlotState.VERIFIED


def settle(config: Path, **totals: int) -> None:
    """Sets the provider's totals."""
    with Ledger(config.parent / "archive" / ".backhaul") as ledger:
        job = ledger.jobs.open("worldcup", source="gnip", provider="gnip-hpt")
        ledger.jobs.save_status(job, JobStatus(JobState.READY, totals=Totals(**totals)))


def test_without_scripts_the_summary_shows_the_state_of_each_job(
    small: Path, report: Report
) -> None:
    row = Tables(report(small).read_text()).row("worldcup")
    assert row[2] == "partial"
    assert row[7].startswith("in 11 days")
    with Ledger(small.parent / "archive" / ".backhaul", readonly=True) as ledger:
        job = ledger.jobs.get("worldcup")
        assert job is not None
        here = ledger.inventory.summary(job.id)
    assert row[3].startswith(f"{here.files:,}")
    assert row[4] == f"{here.records:,}≠ {here.records + 211:,}"


def test_without_scripts_what_is_not_verified_is_listed_with_its_reason(
    small: Path, report: Report
) -> None:
    rows = Tables(report(small).read_text()).rows
    reasons = {row[-1] for row in rows if len(row) == 6}
    assert {"HTTP 404: NoSuchKey", "the gzip stream ends too early"} <= reasons


def test_each_kind_of_problem_says_what_to_do_and_the_exit_code_of_a_run(
    small: Path, report: Report
) -> None:
    tables = Tables(report(small).read_text())
    assert tables.row("corrupt")[2] == FailureKind.CORRUPT.advice
    assert tables.row("corrupt")[3].startswith("8: ")
    assert tables.row("not_found")[3].startswith("0: ")


def test_the_verdict_names_the_exit_code_that_comes_first(small: Path, report: Report) -> None:
    page = report(small).read_text()
    assert re.search(r"1 partial\b.*\b6\b", page)


def test_a_complete_job_is_called_complete(tmp_path: Path, hpt: Make, report: Report) -> None:
    config = hpt(tmp_path, "worldcup", start=START, days=1, fate=all_verified)
    settle(config, files=144)
    page = report(config).read_text()
    assert Tables(page).row("worldcup")[2:4] == ["complete", "144✓ 144"]


def test_a_file_that_was_deleted_since_is_reported(
    tmp_path: Path, hpt: Make, report: Report
) -> None:
    config = hpt(tmp_path, "worldcup", start=START, days=1, fate=all_verified)
    next((tmp_path / "archive" / "worldcup").iterdir()).unlink()
    row = Tables(report(config).read_text()).row("changed on disk")
    assert row[1] == "1"


def test_a_job_that_never_ran_is_reported(tmp_path: Path, hpt: Make, report: Report) -> None:
    config = hpt(tmp_path, "worldcup", start=START, days=1)
    text = config.read_text() + "  later:\n    source: gnip\n    id: aaaaaaaaaa\n"
    config.write_text(text)
    page = report(config).read_text()
    assert Tables(page).row("later")[2] not in {"complete", "partial", "failed"}


def test_every_exit_code_is_explained(small: Path, report: Report) -> None:
    tables = Tables(report(small).read_text())
    assert all(tables.row(str(int(code)))[1] for code in ExitCode)


def test_the_page_makes_no_requests(small: Path, report: Report) -> None:
    page = report(small).read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = policy[1]
    assert rules.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in rules
    assert re.findall(r'(?:src|action)="(?!#|data:)', page) == []
    assert re.findall(r'<link [^>]*href="(?!data:)', page) == []
    places = re.findall(r'<a href="([^"]*)"', page)
    assert places
    assert not [place for place in places if re.match(r"/|[a-zA-Z][a-zA-Z0-9+.-]*:", place)]


def test_the_page_contains_no_secret_and_no_signed_query(
    tmp_path: Path, hpt: Make, report: Report
) -> None:
    register("open-sesame-7")
    config = hpt(tmp_path, "worldcup", start=START, days=1)
    link = "https://archive.example.com/a.gz?Signature=c2lnbmVk&Expires=1"
    with Ledger(tmp_path / "archive" / ".backhaul") as ledger:
        job = ledger.jobs.open("worldcup", source="gnip", provider="gnip-hpt")
        name = next(row.name for row in ledger.inventory.files(job) if row.state == "verified")
        message = f"GET {link} with open-sesame-7 failed"
        ledger.files.save_failed(job, name, state=SlotState.FAILED, kind="denied", message=message)
        ledger.jobs.save_problems(job, [("denied", message)])
        ledger.jobs.save_status(
            job, JobStatus(JobState.READY, message=message, warnings=(message,))
        )
    text = everything(report(config).read_text())
    assert "https://archive.example.com/a.gz?***" in text
    assert "open-sesame-7" not in text
    assert "c2lnbmVk" not in text


def test_an_older_report_is_replaced(small: Path, report: Report) -> None:
    first = report(small).read_text()
    settle(small, files=12_345)
    again = report(small).read_text()
    assert "12,345" in again
    assert "12,345" not in first


def test_a_file_that_is_not_a_report_is_left_alone(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes.html"
    notes.write_text("mine")
    assert main(["report", str(small), "-o", str(notes)]) == 2
    assert notes.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert main(["report", str(small), "-o", str(notes), "--force"]) == 0
    assert notes.read_text().startswith("<!doctype html>")


def test_a_pipe_is_not_a_report_and_is_not_waited_for(small: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "page.html")
    assert main(["report", str(small), "-o", str(tmp_path / "page.html")]) == 2
    assert (tmp_path / "page.html").is_fifo()


def test_nothing_is_left_behind_by_a_report_that_cannot_be_written(
    small: Path, tmp_path: Path
) -> None:
    assert main(["report", str(small), "-o", str(tmp_path / "nowhere" / "report.html")]) == 9
    assert not (tmp_path / "nowhere").exists()


def test_a_long_job_takes_little_space(tmp_path: Path, hpt: Make, report: Report) -> None:
    config = hpt(tmp_path, "worldcup", start=START, days=14)
    size = report(config).stat().st_size
    config_of_one_day = hpt(tmp_path / "short", "worldcup", start=START, days=1)
    slots = 13 * 144
    assert (size - report(config_of_one_day).stat().st_size) / slots < 80


def test_the_page_says_when_it_was_made(small: Path, report: Report) -> None:
    page = report(small).read_text()
    reported = re.search(r"As of (\S+ \S+) UTC", page)
    assert reported is not None
    made = datetime.strptime(reported[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=3)
