"""The summary at the end of a run."""

import re
from typing import Any

from tests.messages import assert_messages, missing_facts

from backhaul.cli.summary import summary
from backhaul.errors import FailureKind, FailureReport
from backhaul.run.result import FileCounts, JobOutcome, JobResult, RunResult


def _lines(**fields: Any) -> str:
    job = {"job": "fog", "source": "s", "provider": "p", "state": JobOutcome.COMPLETE, **fields}
    return "\n".join(summary(RunResult(jobs=(JobResult(**job),)), "a.yaml"))


def _failed(number: int, kind: FailureKind) -> FailureReport:
    return FailureReport(file=f"file-{number}", kind=kind, message="why")


def test_a_complete_job_takes_three_lines() -> None:
    counts = FileCounts(listed=2, verified=2, fetched=2)

    text = _lines(files=counts, bytes_fetched=1536, records=3, folder="/archive/fog")
    assert_messages(
        text.splitlines(),
        ("fog: complete",),
        ("  2 of 2 files", "1.5 KiB", "3 records"),
        ("  ", "/archive/fog"),
    )


def test_present_files_are_distinguished_from_fetched_ones() -> None:
    counts = FileCounts(listed=12, verified=12, fetched=5, skipped=7)
    _, line, *_ = _lines(files=counts, bytes_fetched=10).splitlines()
    assert re.findall(r"\d+", line) == ["12", "12", "5", "10", "7"]


def test_the_first_twenty_failures_are_reported_and_the_rest_counted() -> None:
    notes = tuple(_failed(number, FailureKind.TRUNCATED) for number in range(25))

    text = _lines(state=JobOutcome.PARTIAL, failures=notes, files=FileCounts(failed=20, corrupt=5))

    assert "25 files" in text
    assert "file-19: truncated: why" in text
    assert "file-20" not in text
    assert re.search(r"\b5\b.*backhaul files a\.yaml --state failed --state corrupt", text)


def test_each_kinds_advice_is_reported_once() -> None:
    notes = tuple(
        _failed(number, kind)
        for number, kind in enumerate(
            [FailureKind.EXPIRED, FailureKind.EXPIRED, FailureKind.TIMEOUT]
        )
    )

    text = _lines(state=JobOutcome.PARTIAL, failures=notes)

    assert text.count(FailureKind.EXPIRED.advice) == 1
    assert text.count(FailureKind.TIMEOUT.advice) == 1


def test_a_stop_does_not_fail_the_jobs() -> None:
    note = FailureReport(kind=FailureKind.INTERRUPTED, message="interrupted")

    text = _lines(state=JobOutcome.PARTIAL, failures=(note,))

    assert "interrupted" in text
    assert "failed" not in text


def test_a_providers_control_characters_do_not_reach_the_terminal() -> None:
    text = _lines(state=JobOutcome.FAILED, message="bad \x1b[2Jnews\nhere")

    assert "(bad \\x1b[2Jnews here)" in text


def test_several_jobs_have_a_line_with_the_totals() -> None:
    job = JobResult(job="fog", source="s", provider="p", state=JobOutcome.COMPLETE)
    other = JobResult(job="sea", source="s", provider="p", state=JobOutcome.NOT_READY)

    *_, last = summary(RunResult(jobs=(job, other), seconds=3.2), "a.yaml")

    assert not missing_facts(last, "", "1 of 2 jobs", "0 files", "0 B", "3 s")
