"""``run --events``: each line follows the schema, and no reader can hold up a run."""

import json
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tests.event_lines import checked, read

from backhaul import FileDone, JobEnded, Progress
from backhaul.notify.event_file import EventFile
from backhaul.notify.event_json import NAMES, as_line, event_json
from backhaul.notify.event_log import EventLog
from backhaul.notify.event_schema import event_schema
from backhaul.run.result import JobOutcome, JobResult

PIPE_HOLDS = 1 << 16


def by_event(events: list[dict[str, Any]]) -> Counter[str]:
    return Counter(each["event"] for each in events)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "events"
    os.mkfifo(path)
    return path


def test_events_agree_with_the_result(bench: Any, backhaul: Any, tmp_path: Path) -> None:
    one = bench(slots=12, silent=0.0, faults="not_found:all@*_00_10_*")
    file = tmp_path / "events.jsonl"

    ran = backhaul("run", one.path, "--json", "--events", file)

    events = read(file)
    (job,) = ran.json["jobs"]
    assert events[-1]["event"] == "run_ended"
    assert events[-1]["exit_code"] == ran.code == 3
    (ended,) = [each for each in events if each["event"] == "job_ended"]
    assert ended["result"] == {**job, "exit_code": 3}
    assert by_event(events)["job_started"] == 1
    assert by_event(events)["file_done"] == job["files"]["fetched"] == 11
    for done in (each for each in events if each["event"] == "file_done"):
        assert Path(done["folder"], done["file"]).stat().st_size == done["size"]
    (failed,) = [each for each in events if each["event"] == "file_failed"]
    assert (failed["kind"], failed["gap"]) == ("not_found", False)


def test_the_schema_has_the_keys_of_each_event_and_is_printed(backhaul: Any) -> None:
    printed = json.loads(backhaul("schema", "--events").out)

    assert printed == event_schema()
    for kind, name in NAMES.items():
        keys = {"event", "time", *(each.name for each in fields(kind))}
        assert set(printed["$defs"][name]["properties"]) == keys


def test_a_second_run_appends_even_after_a_line_that_was_cut_off(
    bench: Any, backhaul: Any, tmp_path: Path
) -> None:
    one, file = bench(slots=2), tmp_path / "events.jsonl"
    file.write_text('{"event": "job_sta')

    assert backhaul("run", one.path, "--events", file).code == 0
    assert backhaul("run", one.path, "--events", file).code == 0

    cut, rest = file.read_text().split("\n", 1)
    assert cut == '{"event": "job_sta'
    assert by_event(checked(rest))["run_ended"] == 2


def test_stdout_has_the_events_alone_and_stderr_the_failures(bench: Any, spawn: Any) -> None:
    one = bench(slots=6, silent=0.0, faults="not_found:all@*_00_10_*")
    process = spawn("run", one.path, "--events", "-")
    out, err = process.communicate(timeout=30)

    assert process.returncode == 3
    assert by_event(checked(out))["run_ended"] == 1
    assert "not_found" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--events", "-", "--json"], "--json"), (["--events", "x", "-n"], "--dry-run")],
)
def test_incompatible_options_are_refused(
    words: list[str], message: str, bench: Any, backhaul: Any
) -> None:
    ran = backhaul("run", bench(slots=1).path, *words)

    assert ran.code == 2
    assert message in ran.err
    assert "--events" in ran.err


def test_a_file_that_cannot_be_opened_is_named_and_nothing_is_run(
    bench: Any, backhaul: Any, tmp_path: Path
) -> None:
    one = bench(slots=1)
    for name in (tmp_path / "none" / "events", tmp_path):
        ran = backhaul("run", one.path, "--events", name)
        assert ran.code == 9
        assert f"--events {name}: " in ran.err
    assert one.file_requests() == 0


def test_a_pipe_without_a_reader_holds_up_nothing(bench: Any, backhaul: Any, pipe: Path) -> None:
    one, started = bench(slots=12), time.monotonic()

    ran = backhaul("run", one.path, "--json", "--events", pipe)

    assert ran.code == 0
    assert f"--events {pipe} has no reader" in ran.err
    assert time.monotonic() - started < 20


def test_a_reader_that_starts_late_reads_all(bench: Any, backhaul: Any, pipe: Path) -> None:
    one, got = bench(slots=12, faults="slow=2000:all"), []

    def come() -> None:
        time.sleep(0.5)
        got.append(pipe.read_text())

    reader = threading.Thread(target=come)
    reader.start()
    ran = backhaul("run", one.path, "--json", "--events", pipe)
    reader.join()

    assert ran.code == 0
    assert "--events" not in ran.err
    assert by_event(checked(got[0]))["file_done"] == ran.json["jobs"][0]["files"]["fetched"]


def test_a_reader_that_closes_the_pipe_ends_the_events_and_not_the_run(
    bench: Any, backhaul: Any, pipe: Path
) -> None:
    one = bench(slots=6, faults="slow=4000:all")
    one.write(settings__connections=1)

    def look() -> None:
        with pipe.open() as file:
            assert json.loads(file.readline())["job"]

    reader = threading.Thread(target=look)
    reader.start()
    ran = backhaul("run", one.path, "--json", "--events", pipe)
    reader.join()

    assert ran.code == 0
    assert f"--events {pipe} was closed by its reader" in ran.err


def test_a_reader_of_stdout_that_ends_does_not_end_the_run(bench: Any, spawn: Any) -> None:
    one = bench(slots=6, faults="slow=4000:all")
    one.write(settings__connections=1)
    process: subprocess.Popen[str] = spawn("run", one.path, "--events", "-")
    assert process.stdout is not None
    assert process.stderr is not None

    assert json.loads(process.stdout.readline())["job"]
    process.stdout.close()

    assert "was closed by its reader" in process.stderr.read()
    assert process.wait(30) == 0


def test_a_full_disk_is_reported_and_the_run_ends_normally(bench: Any, backhaul: Any) -> None:
    ran = backhaul("run", bench(slots=6).path, "--json", "--events", "/dev/full")

    assert ran.code == 0
    assert "--events /dev/full cannot be written: No space left on device" in ran.err


def text_of(fd: int) -> str:
    with os.fdopen(fd, encoding="utf-8") as file:
        return file.read()


def progress(job: str, number: int) -> Progress:
    return Progress(
        job=job,
        folder="/archive/a",
        phase=str(number),
        done=number,
        failed=0,
        total=None,
        bytes=0,
        rate=0.0,
        seconds_left=None,
        waiting="",
        ended=False,
    )


def ended(job: str) -> JobEnded:
    result = JobResult(job=job, source="s", provider="p", state=JobOutcome.COMPLETE)
    return JobEnded(job=job, folder="/archive/a", result=result)


def test_a_reader_that_stops_reading_costs_events_and_never_time(
    pipe: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    got: list[str] = []
    started = time.monotonic()
    with EventLog(EventFile(str(pipe))) as log:
        for number in range(25_000):
            log(progress("a", number))
        log(ended("a"))
        assert time.monotonic() - started < 15  # it would last forever
        os.set_blocking(reader, True)
        rest = threading.Thread(target=lambda: got.append(text_of(reader)))
        rest.start()
    rest.join()

    events = checked(got[0])
    dropped = sum(each["count"] for each in events if each["event"] == "events_dropped")
    assert dropped > 0
    assert by_event(events)["progress"] + dropped == 25_000
    assert events[-1]["event"] == "job_ended"
    assert "is not being read; events are left out" in caplog.text
    assert f"is incomplete: {dropped:,} events left out" in caplog.text


def test_progress_is_written_once_a_second_and_with_each_new_phase(tmp_path: Path) -> None:
    file = tmp_path / "events"
    with EventLog(EventFile(str(file))) as log:
        for _ in range(20):
            log(progress("a", 1))
        log(progress("a", 2))

    assert [each["phase"] for each in read(file)] == ["1", "2"]


def test_a_lone_surrogate_is_written_as_its_escape() -> None:
    event = FileDone(job="a", folder="/a", file="x\udc80é", size=1, sha256="0" * 64, records=None)

    line = as_line(event_json(event, 0.0))

    assert line.count(b"\n") == 1
    assert json.loads(line)["file"] == "x\udc80é"


def test_a_reader_may_be_slow(bench: Any, spawn: Callable[..., Any], tmp_path: Path) -> None:
    one = bench(slots=24)
    with (tmp_path / "err").open("w") as err:
        process = spawn("run", one.path, "--events", "-", stderr=err)
    time.sleep(2.0)
    lines = [process.stdout.readline() for _ in range(3)]
    time.sleep(1.0)
    rest = process.stdout.read()

    assert process.wait(30) == 0
    assert by_event(checked("".join(lines) + rest))["run_ended"] == 1
