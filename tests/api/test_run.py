"""``Archive.plan`` and ``Archive.run``: results, events, and stopping a run."""

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests import warm

import backhaul
from backhaul.errors import ConfigError, ExitCode, UnknownJobError
from backhaul.events import both

SILENT = """
import json, sys
import backhaul
given = json.loads(sys.argv[1])
backhaul.load(given, {**given, "settings": {"dest": "elsewhere", "connections": 3}})  # warns
archive = backhaul.load(given)
codes = [archive.plan().exit_code, archive.run().exit_code, archive.run(on_event=id).exit_code]
with open(sys.argv[2], "w") as output:
    json.dump([int(code) for code in codes], output)
"""


def one_at_a_time(served: Any) -> dict[str, Any]:
    """A job of two dozen files that take a moment each."""
    config: dict[str, Any] = served(slots=24, silent=0.0, faults="slow=20000:all")
    config["settings"]["connections"] = 1
    return config


def test_a_run_does_what_the_plan_says(served: Any) -> None:
    archive = backhaul.load(served(slots=12))

    plan = archive.plan()
    first = archive.run()
    second = archive.run()

    assert archive.jobs == tuple(job.job for job in first.jobs)
    assert [job.files for job in plan.jobs] == [job.files.fetched for job in first.jobs]
    assert (plan.exit_code, first.exit_code, second.exit_code) == (0, 0, 0)
    assert all(job.state is backhaul.JobOutcome.COMPLETE for job in first.jobs)
    assert sum(job.files.fetched for job in second.jobs) == 0


def test_the_results_are_the_json_of_the_command_line(served: Any, tmp_path: Path) -> None:
    config = tmp_path / "backhaul.yaml"
    config.write_text(json.dumps(served(slots=6), default=str))

    def command_json(command: str) -> Any:
        words = [sys.executable, "-m", "backhaul", command, str(config), "--json"]
        return json.loads(warm.run(words, check=True, capture_output=True).stdout)

    plan, by_command = backhaul.load(config).plan().as_json(), command_json("plan")
    assert plan.keys() == by_command.keys()
    assert [job.keys() for job in plan["jobs"]] == [job.keys() for job in by_command["jobs"]]
    command_json("run")
    run, by_command = backhaul.load(config).run().as_json(), command_json("run")
    run["seconds"] = by_command["seconds"]
    assert run == by_command


def test_each_job_and_each_file_has_its_events_and_they_can_be_pickled(served: Any) -> None:
    archive = backhaul.load(served(slots=12, silent=0.0, faults="not_found:all@*_00_10_*"))
    events: list[backhaul.Event] = []
    threads = set()

    def listen(event: backhaul.Event) -> None:
        events.append(event)
        threads.add(threading.current_thread())

    result = archive.run(on_event=listen)

    assert pickle.loads(pickle.dumps(events)) == events
    assert threads == {threading.current_thread()}
    assert {event.job for event in events} == set(archive.jobs)
    for job in result.jobs:
        own = [event for event in events if event.job == job.job]
        kinds = Counter(type(event) for event in own)
        assert isinstance(own[0], backhaul.JobStarted | backhaul.Progress)
        assert (kinds[backhaul.JobStarted], kinds[backhaul.JobEnded]) == (1, 1)
        assert isinstance(own[-1], backhaul.JobEnded)
        assert own[-1].result == job
        assert kinds[backhaul.FileDone] == job.files.fetched
        failed = {event.file for event in own if isinstance(event, backhaul.FileFailed)}
        assert failed == {note.file for note in job.failures if note.file is not None}
        assert kinds[backhaul.Progress] > 0


class Uninterested:
    """A listener that wants no events of complete files."""

    files = False

    def __init__(self) -> None:
        self.kinds: set[type[backhaul.Event]] = set()

    def __call__(self, event: backhaul.Event) -> None:
        self.kinds.add(type(event))


def test_a_listener_without_complete_files_gets_all_other_events(served: Any) -> None:
    listener = Uninterested()
    assert backhaul.load(served(slots=6)).run(on_event=listener).exit_code == 0
    assert listener.kinds == {backhaul.JobStarted, backhaul.Progress, backhaul.JobEnded}


def test_another_listener_still_gets_all_events(served: Any) -> None:
    done = []
    listener = both(Uninterested(), lambda event: done.append(type(event)))
    result = backhaul.load(served(slots=6)).run(on_event=listener)
    assert done.count(backhaul.FileDone) == sum(job.files.fetched for job in result.jobs) > 0


def test_a_finished_file_is_present_as_its_event_says(served: Any, tmp_path: Path) -> None:
    archive = backhaul.load(served(slots=6))
    wrong = []

    def look(event: backhaul.Event) -> None:
        if isinstance(event, backhaul.FileDone):
            path = tmp_path / "archive" / event.job / event.file
            if not path.is_file() or path.stat().st_size != event.size:
                wrong.append(event)

    assert archive.run(on_event=look).exit_code == 0
    assert wrong == []


def test_a_failed_file_has_an_event_and_the_run_returns_a_result(served: Any) -> None:
    archive = backhaul.load(served(slots=6, silent=0.0, faults="not_found:all@*_00_10_*"))
    events: list[backhaul.Event] = []

    result = archive.run(on_event=events.append)

    failed = [event for event in events if isinstance(event, backhaul.FileFailed)]
    assert result.exit_code == ExitCode.INCOMPLETE
    assert [event.kind for event in failed] == [backhaul.FailureKind.NOT_FOUND]
    assert [event.file for event in failed] == [note.file for note in result.jobs[0].failures]


def test_renewed_links_have_an_event(served: Any) -> None:
    archive = backhaul.load(served(slots=12, silent=0.0, faults="expired:1"))
    events: list[backhaul.Event] = []

    result = archive.run(on_event=events.append)

    renewed = [event for event in events if isinstance(event, backhaul.LinksRenewed)]
    assert result.exit_code == 0
    assert [event.round for event in renewed] == list(range(1, len(renewed) + 1))
    assert renewed


def test_pieces_of_a_queue_have_events_like_other_files(served: Any, tmp_path: Path) -> None:
    archive = backhaul.load(served("datasift-historics"))
    done: list[backhaul.FileDone] = []

    def listen(event: backhaul.Event) -> None:
        if isinstance(event, backhaul.FileDone):
            done.append(event)

    result = archive.run(on_event=listen)

    assert len(done) == sum(job.files.fetched for job in result.jobs) > 0
    for event in done:
        assert (tmp_path / "archive" / event.job / event.file).stat().st_size == event.size


def test_a_failed_job_has_a_result(served: Any) -> None:
    config = served()
    config["sources"]["account"]["password"] = "wrong"

    result = backhaul.load(config).run()

    assert result.exit_code == ExitCode.AUTH
    assert {job.state for job in result.jobs} == {backhaul.JobOutcome.FAILED}


def test_stop_from_another_thread_ends_as_ctrl_c_does_and_a_run_resumes(served: Any) -> None:
    archive = backhaul.load(served(slots=24, silent=0.0, faults="slow=60000:all"))
    done = threading.Event()

    def listen(event: backhaul.Event) -> None:
        if isinstance(event, backhaul.FileDone):
            done.set()

    def stop() -> None:
        done.wait(20)
        archive.stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    stopped = archive.run(on_event=listen, limit_rate="50K")
    stopper.join()
    resumed = archive.run()

    assert stopped.interrupted
    assert stopped.exit_code == ExitCode.INTERRUPTED
    assert resumed.exit_code == 0
    fetched = [sum(job.files.fetched for job in each.jobs) for each in (stopped, resumed)]
    assert fetched[0] > 0
    assert sum(fetched) == sum(job.files.listed for job in resumed.jobs)


def test_stop_without_a_call_in_progress_stops_nothing(served: Any) -> None:
    archive = backhaul.load(served(slots=2))
    archive.stop()

    assert archive.run().exit_code == 0


def test_an_exception_in_a_listener_stops_the_run_and_is_raised(served: Any) -> None:
    archive = backhaul.load(one_at_a_time(served))

    def object_to(event: backhaul.Event) -> None:
        if isinstance(event, backhaul.FileDone):
            raise LookupError(event.file)  # noqa: TRY004 - any error will do

    with pytest.raises(LookupError):
        archive.run(on_event=object_to)

    again = archive.run()
    assert again.exit_code == 0
    assert sum(job.files.fetched for job in again.jobs) > 10


def test_ctrl_c_in_a_program_stops_cleanly_and_is_raised(served: Any) -> None:
    archive = backhaul.load(one_at_a_time(served))
    begun = time.monotonic()

    def press(event: backhaul.Event) -> None:
        if isinstance(event, backhaul.FileDone):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        archive.run(on_event=press)

    assert time.monotonic() - begun < 20
    again = archive.run()
    assert again.exit_code == 0  # no lease is left
    assert sum(job.files.fetched for job in again.jobs) > 10


def test_it_runs_alongside_an_event_loop_and_in_several_threads(served: Any) -> None:
    archive = backhaul.load(served("stocktwits-backup"))
    ticks = 0

    async def both() -> list[backhaul.RunResult]:
        nonlocal ticks
        work = [asyncio.to_thread(archive.run, [name]) for name in archive.jobs]
        running = asyncio.gather(*work)
        while not running.done():
            ticks += 1
            await asyncio.sleep(0.01)
        return await running

    results = asyncio.run(both())

    assert {result.exit_code for result in results} == {ExitCode.OK}
    assert ticks > 1


def test_a_library_call_prints_nothing_and_configures_nothing(served: Any, tmp_path: Path) -> None:
    config = json.dumps(served(slots=6, silent=0.0, faults="not_found:all@*_00_10_*"), default=str)
    output = tmp_path / "output"

    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", SILENT, config, str(output)],
        capture_output=True,
        check=True,
        timeout=50,
    )

    assert (ended.stdout, ended.stderr) == (b"", b"")
    assert json.loads(output.read_text())[1] == ExitCode.INCOMPLETE


def test_no_signal_handler_is_changed(served: Any) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
    before = [signal.getsignal(number) for number in numbers]
    during = []

    backhaul.load(served(slots=2)).run(
        on_event=lambda _: during.append([signal.getsignal(number) for number in numbers])
    )

    assert all(each == before for each in during)
    assert during


def test_a_name_that_is_not_a_job_is_refused(served: Any) -> None:
    archive = backhaul.load(served())

    for calls in (archive.run, archive.plan, archive.status, archive.verify):
        with pytest.raises(UnknownJobError, match=r"^other: no such job; configured jobs: "):
            calls(["other"])
    with pytest.raises(UnknownJobError, match=r"^other: no such job; configured jobs: ") as none:
        archive.run(same_archive=["other"])
    assert none.value.parameter == "same_archive"
    with pytest.raises(ConfigError, match="refresh and only_failed cannot be combined"):
        archive.run(refresh=True, only_failed=True)


def test_a_single_name_selects_one_job(served: Any) -> None:
    archive = backhaul.load(served("stocktwits-backup"))

    [job] = archive.plan(archive.jobs[0]).jobs

    assert job.job == archive.jobs[0]


def test_offline_contacts_no_provider_and_variables_may_be_unset(served: Any) -> None:
    config = served()
    config["sources"]["account"]["password"] = "${NEVER_SET_ANYWHERE}"

    with pytest.raises(ConfigError) as refused:
        backhaul.load(config)
    archive = backhaul.load(config, offline=True)

    assert "NEVER_SET_ANYWHERE" in "".join(refused.value.problems)
    with pytest.raises(ConfigError, match="offline"):
        archive.run()
