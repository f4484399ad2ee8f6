"""Chunked files: nothing is lost, duplicated or misreported."""

import gzip
import json
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.one_job import one_job
from tests.threads import assert_no_threads, of_this_test

from backhaul import (
    IDLE,
    Chunk,
    Http,
    JobOptions,
    JobStatus,
    ProviderInfo,
    RemoteFile,
    SourceOptions,
    ThrottledError,
    UnreachableError,
    hookimpl,
)
from backhaul.ledger.database import ledger_path
from backhaul.ledger.ledger import Ledger
from backhaul.plugins.loading import build
from backhaul.run.result import JobOutcome, JobResult
from backhaul.types import JobState

Pull = Callable[[Http, RemoteFile, str | None], Iterator[Chunk]]


class Paged:
    """A provider of chunked files."""

    def __init__(self, pull: Pull, *files: RemoteFile, state: JobState = JobState.READY) -> None:
        self.pull = pull
        self.files = files or (RemoteFile("a.jsonl.gz"),)
        self.state = state

    @hookimpl
    def provider(self) -> ProviderInfo:
        return ProviderInfo("paged", SourceOptions, JobOptions)

    @hookimpl
    def get_status(self) -> JobStatus:
        return JobStatus(self.state, partial=self.state is JobState.RUNNING)

    @hookimpl
    def resolve_files(self) -> Iterable[RemoteFile]:
        return self.files

    @hookimpl
    def pull_file(self, http: Http, file: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        return self.pull(http, file, cursor)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    with of_this_test():
        yield
        assert_no_threads()


def fetch(dest: Path, plugin: Paged, *, idle: float = 3.0) -> JobResult:
    """One run, limited to ten seconds."""
    driver = one_job(
        build(plugin, name="paged"),
        dest,
        name="j",
        durable=False,
        max_duration=timedelta(seconds=10),
    )
    driver.streams.idle = idle
    (result,) = driver.run().jobs
    return result


def line(number: int) -> bytes:
    return b'{"n":%d}\n' % number


def three(_: Http, __: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
    for number in range(int(cursor or 0), 3):
        yield Chunk(line(number), str(number + 1))


def numbers(*paths: Path) -> list[int]:
    return [json.loads(text)["n"] for path in paths for text in gzip.open(path)]


def kinds(result: JobResult) -> list[tuple[str | None, str]]:
    return [(note.file, note.kind.value) for note in result.failures]


def volumes(dest: Path) -> list[str]:
    with closing(Ledger(dest / ".backhaul", readonly=True)) as ledger:
        job = ledger.jobs.get("j")
        assert job is not None
        return [row.name for row in ledger.inventory.files(job.id)]


def query(dest: Path, sql: str) -> None:
    with closing(sqlite3.connect(ledger_path(dest / ".backhaul"))) as db:
        db.execute(sql)
        db.commit()


def cut_after(count: int, *, cursors: bool) -> tuple[Pull, list[bool]]:
    """Pulls that fail after some chunks while the list contains True."""
    cut = [True]

    def pull(_: Http, __: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        for number in range(int(cursor or 0), 3):
            if cut[0] and number == count:
                raise UnreachableError("cut")
            yield Chunk(line(number), str(number + 1) if cursors else None)

    return pull, cut


# -- idleness ---------------------------------------------------------------------------------------


def test_a_slow_pull_is_not_an_idle_queue(tmp_path: Path) -> None:
    def pull(http: Http, file: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        for chunk in three(http, file, cursor):
            http.sleep(0.5)
            yield chunk

    result = fetch(tmp_path, Paged(pull, state=JobState.RUNNING), idle=0.1)
    assert (result.files.fetched, numbers(tmp_path / "j/a.jsonl.gz")) == (1, [0, 1, 2])


@pytest.mark.parametrize("idle", [IDLE, Chunk(b"", "3")], ids=["IDLE", "unmoved"])
def test_a_queue_that_reports_no_data_is_left_and_received_data_is_kept(
    tmp_path: Path, idle: Chunk
) -> None:
    asked: list[str | None] = []

    def pull(http: Http, file: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        asked.append(cursor)
        yield from three(http, file, cursor)
        while True:
            yield idle
            http.sleep(0.05)

    plugin = Paged(pull, state=JobState.RUNNING)
    began = time.monotonic()
    assert fetch(tmp_path, plugin, idle=0.2).state is JobOutcome.NOT_READY
    assert fetch(tmp_path, plugin, idle=0.2).bytes_fetched == 0
    assert time.monotonic() - began < 8
    assert asked[-1] == "3"


def test_data_after_an_empty_pull_ends_the_idle_time(tmp_path: Path) -> None:
    def pull(http: Http, file: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        yield IDLE
        for chunk in three(http, file, cursor):
            yield chunk
            http.sleep(0.5)

    result = fetch(tmp_path, Paged(pull, state=JobState.RUNNING), idle=0.3)
    assert result.files.fetched == 1


def test_an_empty_chunk_that_moves_the_cursor_is_progress(tmp_path: Path) -> None:
    def pull(http: Http, file: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        if cursor is None:
            yield Chunk(b"", "0")
            http.sleep(0.5)
        yield from three(http, file, cursor)

    result = fetch(tmp_path, Paged(pull, state=JobState.RUNNING), idle=0.1)
    assert result.files.fetched == 1


@pytest.mark.parametrize("times", [1, 2])
def test_a_refusal_before_any_data_is_not_an_idle_queue(tmp_path: Path, times: int) -> None:
    def pull(http: Http, file: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        yield from three(http, file, cursor)
        for _ in range(times):
            yield IDLE
        http.sleep(0.8)
        raise ThrottledError("slower")

    plugin = Paged(pull, RemoteFile("a.jsonl.gz", split=1), state=JobState.RUNNING)
    assert kinds(fetch(tmp_path, plugin, idle=0.2)) == [("a.jsonl.gz", "throttled")]


# -- damaged each time ------------------------------------------------------------------------------


def damaged_second(bad: bytes) -> tuple[Pull, list[bool]]:
    """Pulls of three chunks, the second one damaged; fail after it while the list contains True."""
    cut = [False]

    def pull(_: Http, __: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        for number in range(int(cursor or 0), 3):
            if cut[0] and number == 2:
                raise UnreachableError("cut")
            data = bad if number == 1 else line(number)
            yield Chunk(data, str(number + 1), damaged=number == 1)

    return pull, cut


def test_a_damaged_chunk_is_a_separate_piece_and_the_others_are_complete(tmp_path: Path) -> None:
    pull, _ = damaged_second(line(1) + b'{"n":\xff}\n')
    plugin = Paged(pull, RemoteFile("a.jsonl.gz", split=1 << 20))
    result = fetch(tmp_path, plugin)
    assert (result.state, kinds(result)) == (
        JobOutcome.PARTIAL,
        [("a-00002.jsonl.gz", "corrupt")],
    )
    assert re.search(r"\b2\b", result.failures[0].message)
    assert (result.files.verified, result.files.corrupt) == (2, 1)
    assert numbers(tmp_path / "j/a-00001.jsonl.gz", tmp_path / "j/a-00003.jsonl.gz") == [0, 2]
    assert fetch(tmp_path, plugin).failures == result.failures


@pytest.mark.parametrize("split", [None, 1, 1 << 20])
def test_damage_is_reported_even_if_the_run_was_killed_after_it(
    tmp_path: Path, split: int | None
) -> None:
    pull, cut = damaged_second(b"no JSON\n")
    plugin = Paged(pull, RemoteFile("a.jsonl.gz", split=split))
    cut[0] = True
    fetch(tmp_path, plugin)
    cut[0] = False
    name = "a.jsonl.gz" if split is None else "a-00002.jsonl.gz"
    for _ in range(3):
        assert kinds(fetch(tmp_path, plugin)) == [(name, "corrupt")]
    assert gzip.decompress((tmp_path / "j" / name).read_bytes()).count(b"no JSON\n") == 1


def test_damage_is_reported_even_if_the_run_died_before_the_piece_had_its_name(
    tmp_path: Path,
) -> None:
    pull, cut = damaged_second(b"no JSON\n")
    plugin = Paged(pull, RemoteFile("a.jsonl.gz", split=1 << 20))
    cut[0] = True
    fetch(tmp_path, plugin)
    cut[0] = False
    volume = tmp_path / "j/a-00002.jsonl.gz"
    query(tmp_path, f"UPDATE streams SET piece = 2, length = {volume.stat().st_size}, seal = NULL")
    volume.rename(f"{volume}.part")

    result = fetch(tmp_path, plugin)

    assert kinds(result) == [("a-00002.jsonl.gz", "corrupt")]
    assert gzip.decompress(volume.read_bytes()) == b"no JSON\n" + line(2)


@pytest.mark.parametrize("split", [None, 1, 1 << 20])
@pytest.mark.parametrize("bad", [b"no JSON\n", b"<html>\n", b'{"n":', line(1) + b"\0\n"])
def test_data_from_a_queue_is_kept_and_suspect_whatever_its_records_are(
    tmp_path: Path, split: int | None, bad: bytes
) -> None:
    def pull(_: Http, __: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        for number in range(int(cursor or 0), 2):
            yield Chunk(bad if number else line(0), str(number + 1))

    plugin = Paged(pull, RemoteFile("a.jsonl.gz", split=split))
    for _ in range(2):
        result = fetch(tmp_path, plugin)
        assert (result.state, result.files.suspect) == (JobOutcome.COMPLETE, 1)
        assert len(result.warnings) == 1
    texts = [gzip.decompress(file.read_bytes()) for file in sorted((tmp_path / "j").glob("*.gz"))]
    assert b"".join(texts) == line(0) + bad


def test_a_chunk_marked_damaged_whose_lines_are_all_json_is_complete(tmp_path: Path) -> None:
    pull, _ = damaged_second(line(1))
    result = fetch(tmp_path, Paged(pull, RemoteFile("a.jsonl.gz", split=1 << 20)))
    assert (result.state, result.files.verified) == (JobOutcome.COMPLETE, 3)


@pytest.mark.parametrize("split", [None, 1 << 20])
def test_a_damaged_piece_that_is_lost_and_restored_is_still_damaged(
    tmp_path: Path, split: int | None
) -> None:
    pull, _ = damaged_second(b"no JSON\n")
    plugin = Paged(pull, RemoteFile("a.jsonl.gz", split=split))
    ((name, _),) = kinds(fetch(tmp_path, plugin))
    file = tmp_path / "j" / str(name)
    data = file.read_bytes()
    file.unlink()
    assert kinds(fetch(tmp_path, plugin)) == [(name, "lost")]
    file.write_bytes(data)
    assert kinds(fetch(tmp_path, plugin)) == [(name, "corrupt")]


# -- where to continue ------------------------------------------------------------------------------


@pytest.mark.parametrize("split", [None, 1, 40])
def test_chunks_without_a_cursor_start_over_and_duplicate_nothing(
    tmp_path: Path, split: int | None
) -> None:
    pull, cut = cut_after(2, cursors=False)
    plugin = Paged(pull, RemoteFile("a.jsonl.gz", split=split))
    fetch(tmp_path, plugin)
    cut[0] = False
    result = fetch(tmp_path, plugin)
    assert (result.state, result.records) == (JobOutcome.COMPLETE, 3)
    assert numbers(*sorted((tmp_path / "j").glob("*.gz"))) == [0, 1, 2]


def test_pieces_of_an_earlier_start_do_not_count_if_there_are_fewer_now(tmp_path: Path) -> None:
    pull, cut = cut_after(2, cursors=False)
    fetch(tmp_path, Paged(pull, RemoteFile("a.jsonl.gz", split=1)))
    cut[0] = False
    result = fetch(tmp_path, Paged(pull, RemoteFile("a.jsonl.gz", split=1000)))
    assert (volumes(tmp_path), result.records) == (["a-00001.jsonl.gz"], 3)


def test_chunks_with_a_cursor_continue_where_they_left_off(tmp_path: Path) -> None:
    pull, cut = cut_after(2, cursors=True)
    fetch(tmp_path, Paged(pull))
    cut[0] = False
    result = fetch(tmp_path, Paged(pull))
    assert (result.state, numbers(tmp_path / "j/a.jsonl.gz")) == (JobOutcome.COMPLETE, [0, 1, 2])


def test_a_part_unknown_to_the_ledger_is_dropped(tmp_path: Path) -> None:
    part = tmp_path / "j/a.jsonl.gz.part"
    part.parent.mkdir()
    part.write_bytes(gzip.compress(line(7)) * 50)
    assert fetch(tmp_path, Paged(three)).state is JobOutcome.COMPLETE
    assert numbers(tmp_path / "j/a.jsonl.gz") == [0, 1, 2]


# -- a ledger that is gone ----------------------------------------------------------------------------


def forget_the_ledger(dest: Path) -> None:
    for path in (dest / ".backhaul").glob("ledger.sqlite*"):
        path.unlink()


def contents(dest: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (dest / "j").rglob("*.gz*")}


def test_pieces_that_match_the_providers_count_are_complete_without_a_pull(
    tmp_path: Path,
) -> None:
    def never(_: Http, __: RemoteFile, ___: str | None) -> Iterator[Chunk]:
        raise AssertionError("pulled")
        yield

    file = RemoteFile("below/a.jsonl.gz", split=1, records=3)
    fetch(tmp_path, Paged(three, file))
    before = contents(tmp_path)
    forget_the_ledger(tmp_path)

    for _ in range(2):
        result = fetch(tmp_path, Paged(never, file))
        assert (result.state, result.records, kinds(result)) == (JobOutcome.COMPLETE, 3, [])
    assert contents(tmp_path) == before
    assert len(volumes(tmp_path)) == 3


@pytest.mark.parametrize("records", [None, 3])
def test_a_queue_whose_position_is_lost_is_not_fetched_and_claims_nothing(
    tmp_path: Path, records: int | None
) -> None:
    pull, cut = cut_after(2, cursors=True)
    file = RemoteFile("a.jsonl.gz", split=1, records=records)
    fetch(tmp_path, Paged(pull, file))
    before = contents(tmp_path)
    forget_the_ledger(tmp_path)
    cut[0] = False

    for _ in range(2):
        result = fetch(tmp_path, Paged(pull, file))
        assert (result.state, kinds(result)) == (JobOutcome.PARTIAL, [("a.jsonl.gz", "lost")])
        counts = re.findall(r"\b[23]\b", result.failures[0].message)
        assert (counts[-2:] == ["2", "3"]) == (records is not None)
    assert contents(tmp_path) == before


def test_a_damaged_piece_is_reported_and_the_job_stays_incomplete(tmp_path: Path) -> None:
    file = RemoteFile("a.jsonl.gz", split=1, records=2)
    fetch(tmp_path, Paged(three, RemoteFile("a.jsonl.gz", split=1)))
    (tmp_path / "j/a-00002.jsonl.gz").write_bytes(b"no gzip")
    forget_the_ledger(tmp_path)

    result = fetch(tmp_path, Paged(three, file))

    assert set(kinds(result)) == {("a.jsonl.gz", "lost"), ("a-00002.jsonl.gz", "corrupt")}


def test_a_restored_piece_completes_them(tmp_path: Path) -> None:
    file = RemoteFile("a.jsonl.gz", split=1, records=3)
    fetch(tmp_path, Paged(three, file))
    volume = tmp_path / "j/a-00002.jsonl.gz"
    kept = volume.read_bytes()
    volume.unlink()
    forget_the_ledger(tmp_path)
    assert kinds(fetch(tmp_path, Paged(three, file))) == [("a.jsonl.gz", "lost")]
    volume.write_bytes(kept)

    assert fetch(tmp_path, Paged(three, file)).state is JobOutcome.COMPLETE


def test_another_queues_pieces_are_not_this_ones(tmp_path: Path) -> None:
    fetch(tmp_path, Paged(three, RemoteFile("a.jsonl.gz", split=1)))
    files = [RemoteFile(name, split=1) for name in ("a.jsonl.gz", "a-b.jsonl.gz", "b.jsonl.gz")]

    result = fetch(tmp_path, Paged(three, *files))

    assert (result.state, result.records) == (JobOutcome.COMPLETE, 9)


# -- what went wrong --------------------------------------------------------------------------------


def test_a_lost_unsplit_file_is_not_complete(tmp_path: Path) -> None:
    fetch(tmp_path, Paged(three))
    (tmp_path / "j/a.jsonl.gz").unlink()
    result = fetch(tmp_path, Paged(three))
    assert (result.state, kinds(result)) == (JobOutcome.FAILED, [("a.jsonl.gz", "lost")])
    assert (result.files.lost, result.files.failed) == (1, 0)


def test_an_unsplit_file_that_is_restored_is_complete_again(tmp_path: Path) -> None:
    fetch(tmp_path, Paged(three))
    file = tmp_path / "j/a.jsonl.gz"
    data = file.read_bytes()
    file.unlink()
    fetch(tmp_path, Paged(three))
    file.write_bytes(data)
    assert fetch(tmp_path, Paged(three)).state is JobOutcome.COMPLETE


def test_a_lost_piece_is_reported_once_by_its_own_file(tmp_path: Path) -> None:
    files = (RemoteFile("a.jsonl.gz", split=1), RemoteFile("b.jsonl.gz", split=1))
    fetch(tmp_path, Paged(three, *files))
    (tmp_path / "j/b-00002.jsonl.gz").unlink()
    result = fetch(tmp_path, Paged(three, *files))
    assert (result.state, result.files.verified) == (JobOutcome.PARTIAL, 5)
    assert kinds(result) == [("b-00002.jsonl.gz", "lost")]


def test_a_lost_part_is_the_failure_of_its_file_alone(tmp_path: Path) -> None:
    pull, cut = cut_after(2, cursors=True)
    files = (RemoteFile("a.jsonl.gz"), RemoteFile("b.jsonl.gz"))
    fetch(tmp_path, Paged(pull, *files))
    cut[0] = False
    (tmp_path / "j/a.jsonl.gz.part").unlink()
    result = fetch(tmp_path, Paged(pull, *files))
    assert kinds(result) == [("a.jsonl.gz", "corrupt")]
    assert (result.files.verified, numbers(tmp_path / "j/b.jsonl.gz")) == (1, [0, 1, 2])


@pytest.mark.parametrize("split", [None, 1])
def test_a_name_taken_by_a_folder_is_the_failure_of_its_file_and_loses_nothing(
    tmp_path: Path, split: int | None
) -> None:
    files = (RemoteFile("a.jsonl.gz", split=split), RemoteFile("b.jsonl.gz"))
    folder = tmp_path / "j" / ("a.jsonl.gz" if split is None else "a-00002.jsonl.gz")
    folder.mkdir(parents=True)
    result = fetch(tmp_path, Paged(three, *files))
    assert kinds(result) == [("a.jsonl.gz", "unsafe_name")]
    assert numbers(tmp_path / "j/b.jsonl.gz") == [0, 1, 2]
    folder.rmdir()
    assert fetch(tmp_path, Paged(three, *files)).state is JobOutcome.COMPLETE
    assert numbers(*sorted((tmp_path / "j").glob("a*.gz"))) == [0, 1, 2]


@pytest.mark.parametrize("split", [None, 1 << 20])
def test_a_part_of_a_queue_that_is_a_hard_link_is_not_written_to_and_not_lost(
    tmp_path: Path, split: int | None
) -> None:
    pull, cut = cut_after(2, cursors=True)
    file = RemoteFile("a.jsonl.gz", split=split)
    fetch(tmp_path, Paged(pull, file))
    cut[0] = False
    (part,) = (tmp_path / "j").glob("*.part")
    other = tmp_path / "copy"
    other.hardlink_to(part)
    before = other.read_bytes()

    assert kinds(fetch(tmp_path, Paged(pull, file))) == [("a.jsonl.gz", "unsafe_name")]
    assert other.read_bytes() == before
    part.unlink()
    part.write_bytes(before)
    assert fetch(tmp_path, Paged(pull, file)).state is JobOutcome.COMPLETE
    assert numbers(*(tmp_path / "j").glob("a*.gz")) == [0, 1, 2]
    assert other.read_bytes() == before


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("x")])
def test_an_obstacle_with_the_name_of_a_queues_part_does_not_block(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    (tmp_path / "j").mkdir()
    make(tmp_path / "j/a.jsonl.gz.part")
    files = (RemoteFile("a.jsonl.gz"), RemoteFile("b.jsonl.gz"))
    assert kinds(fetch(tmp_path, Paged(three, *files))) == [("a.jsonl.gz", "unsafe_name")]
    assert numbers(tmp_path / "j/b.jsonl.gz") == [0, 1, 2]


@pytest.mark.parametrize("split", [None, 1, 1 << 20])
def test_a_queue_whose_folder_is_moved_requests_no_more(tmp_path: Path, split: int | None) -> None:
    asked = []

    def pull(_: Http, __: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        for number in range(int(cursor or 0), 3):
            asked.append(number)
            if number == 1 and len(asked) == 2:
                (tmp_path / "j").rename(tmp_path / "old")
            yield Chunk(line(number), str(number + 1))

    file = RemoteFile("a.jsonl.gz", split=split)
    result = fetch(tmp_path, Paged(pull, file))
    assert (result.exit_code, asked) == (9, [0, 1])
    assert not (tmp_path / "j").exists()
    (tmp_path / "old").rename(tmp_path / "j")
    assert fetch(tmp_path, Paged(pull, file)).state is JobOutcome.COMPLETE
    assert asked == [0, 1, 2]
    assert numbers(*sorted((tmp_path / "j").glob("a*.gz"))) == [0, 1, 2]


def test_a_folder_that_appears_under_the_name_meanwhile_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "j/a.jsonl.gz"

    def pull(http: Http, file: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        yield from three(http, file, cursor)
        folder.mkdir(exist_ok=True)

    assert kinds(fetch(tmp_path, Paged(pull))) == [("a.jsonl.gz", "unsafe_name")]
    folder.rmdir()
    fetch(tmp_path, Paged(three))
    assert numbers(folder) == [0, 1, 2]


def test_an_unsplit_file_that_failed_is_counted_once(tmp_path: Path) -> None:
    pull, _ = cut_after(2, cursors=True)
    result = fetch(tmp_path, Paged(pull))
    assert (result.files.listed, result.files.failed) == (1, 1)
    assert kinds(result) == [("a.jsonl.gz", "unreachable")]


def test_a_failure_is_forgotten_once_the_file_is_present(tmp_path: Path) -> None:
    pull, cut = cut_after(2, cursors=True)
    fetch(tmp_path, Paged(pull))
    cut[0] = False
    result = fetch(tmp_path, Paged(pull))
    assert (result.files.listed, result.files.failed, kinds(result)) == (1, 0, [])


# -- threads ----------------------------------------------------------------------------------------


def descriptor_of(name: str) -> int:
    """This process's open descriptor of a file."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if entry.readlink().name == name:
                return int(entry.name)
        except FileNotFoundError:
            continue
    raise LookupError(name)


def test_a_descriptor_that_cannot_be_closed_does_not_keep_the_job_open(tmp_path: Path) -> None:
    def pull(http: Http, file: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        yield next(three(http, file, cursor))
        os.close(descriptor_of("a.jsonl.gz.part"))
        raise UnreachableError("cut")

    result = fetch(tmp_path, Paged(pull))
    assert "time_limit" not in {kind for _, kind in kinds(result)}
    assert result.files.failed == 1


def test_a_thread_that_cannot_start_is_the_failure_of_its_file(tmp_path: Path) -> None:
    # A stack larger than the address space: no thread can be started.
    class NoThread(Paged):
        @hookimpl
        def resolve_files(self) -> Iterable[RemoteFile]:
            threading.stack_size(1 << 60)
            return self.files

    try:
        result = fetch(tmp_path, NoThread(three))
    finally:
        threading.stack_size(0)
    assert kinds(result) == [("a.jsonl.gz", "timeout")]
    assert "thread" in result.failures[0].message


def test_at_most_eight_chunked_files_are_received_at_once(tmp_path: Path) -> None:
    lock = threading.Lock()
    now: list[int] = [0, 0]
    eight = threading.Event()

    def pull(http: Http, file: RemoteFile, cursor: str | None) -> Iterator[Chunk]:
        with lock:
            now[0] += 1
            now[1] = max(now)
            if now[0] == 8:
                eight.set()
        eight.wait(5)
        yield from three(http, file, cursor)
        with lock:
            now[0] -= 1

    files = [RemoteFile(f"{number}.jsonl.gz") for number in range(30)]
    result = fetch(tmp_path, Paged(pull, *files))
    assert (result.state, result.files.fetched) == (JobOutcome.COMPLETE, 30)
    assert now[1] == 8


def test_a_stop_withdraws_the_files_that_have_not_started(tmp_path: Path) -> None:
    def pull(http: Http, _: RemoteFile, __: str | None) -> Iterator[Chunk]:
        while True:
            yield IDLE
            http.sleep(0.05)

    files: list[Any] = [RemoteFile(f"{number}.jsonl.gz") for number in range(30)]
    result = fetch(tmp_path, Paged(pull, *files, state=JobState.RUNNING), idle=0.2)
    assert result.state is JobOutcome.NOT_READY
    assert kinds(result) == []


def test_a_stream_that_crashed_before_it_was_recorded_starts_from_the_beginning(
    tmp_path: Path,
) -> None:
    pull, cut = cut_after(2, cursors=True)
    fetch(tmp_path, Paged(pull))
    query(tmp_path, "DELETE FROM streams")
    cut[0] = False
    fetch(tmp_path, Paged(pull))
    assert numbers(tmp_path / "j/a.jsonl.gz") == [0, 1, 2]
