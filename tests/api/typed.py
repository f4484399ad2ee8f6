"""A program that uses the API; only read by type checkers."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, assert_type

import backhaul

archive = backhaul.load("a.yaml", {"version": 1})
assert_type(archive, backhaul.Archive)
assert_type(archive.jobs, tuple[str, ...])

plan = archive.plan(["one"], limit_rate="20M")
assert_type(plan, backhaul.Plan)
assert_type(plan.jobs[0].state, backhaul.JobState | None)
assert_type(plan.disks[0].free, int | None)


def listen(event: backhaul.Event) -> None:
    if isinstance(event, backhaul.FileDone | backhaul.FileFailed):
        assert_type(event.file, str)
    if isinstance(event, backhaul.JobEnded):
        assert_type(event.result, backhaul.JobResult)
    assert_type(event.job, str)


result = archive.run(on_event=listen, wait="1h")
assert_type(result, backhaul.RunResult)
assert_type(result.exit_code, backhaul.ExitCode)
assert_type(result.jobs[0].failures[0].kind, backhaul.FailureKind)
archive.run(on_event=print)

assert_type(archive.status().jobs[0].here.states[backhaul.SlotState.VERIFIED], int)
assert_type(archive.files(states=["verified"]), Iterator[backhaul.KnownFile])
assert_type(archive.gaps(), Iterator[backhaul.Gap])
assert_type(next(archive.gaps()).start, datetime | None)
assert_type(archive.verify().jobs[0].problems[0].message, str)
assert_type(plan.jobs[0].error, backhaul.FailureReport | None)
assert_type(result.jobs[0].failures, tuple[backhaul.FailureReport, ...])
assert_type(archive.verify().jobs[0].problems, tuple[backhaul.FailureReport, ...])
assert_type(archive.status().jobs[0].error, backhaul.FailureReport | None)
assert_type(archive.status().jobs[0].refused, backhaul.FailureReport | None)
assert_type(archive.records("one"), Iterator[Any])
