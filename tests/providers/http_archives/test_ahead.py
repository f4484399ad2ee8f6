"""Lists of many periods are read at once, and their files keep the order of the lists."""

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

import pytest
import yaml
from tests.serving import Handler, Server, serving
from tests.soon import SOON, soon

import backhaul
from backhaul.run.plan import JobPlan
from backhaul_http_archives.ahead import in_order

EIGHT = 8  # as docs/archives.md says
FIRST = date(2026, 1, 1)
DAYS = 1 + 3 * EIGHT


def days() -> list[str]:
    return [f"{FIRST + timedelta(number)}" for number in range(DAYS)]


def is_read_by_a_thread(thread: threading.Thread) -> bool:
    return thread.name == "backhaul-list"


class Indexes(Server):
    """An index for each day; refuses the password unless it is the right one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self._Handler)
        self.asked: list[str] = []
        self.together = threading.Barrier(EIGHT)

    class _Handler(Handler):
        protocol_version = "HTTP/1.1"
        server: "Indexes"

        def do_GET(self) -> None:
            day = self.path.strip("/")
            self.server.asked.append(day)
            if self.headers.get("Authorization") != "Bearer right":
                self.respond(401)
                return
            if day != days()[0]:
                self.server.together.wait(SOON)
            self.respond(200, f'<a href="e-{day}.gz">e-{day}.gz</a>'.encode())


@pytest.fixture
def server() -> Iterator[Indexes]:
    with serving(Indexes()) as running:
        yield running


def planned(server: Indexes, tmp_path: Path, token: str = "right") -> JobPlan:
    source = {
        "provider": "http-index",
        "url": f"http://127.0.0.1:{server.server_address[1]}/{{start:%Y-%m-%d}}/",
        "every": "1d", "start": r"e-(?P<start>\d{4}-\d\d-\d\d)", "start_format": "%Y-%m-%d", "slot": "1d",
        "auth": {"bearer": token},
    }  # fmt: skip
    job = {"source": "archive", "from": f"{FIRST}", "to": f"{FIRST + timedelta(DAYS)}"}
    config = tmp_path / "indexes.yaml"
    config.write_text(yaml.safe_dump({"version": 1, "sources": {"archive": source}, "jobs": {"days": job}}))  # fmt: skip
    [plan] = backhaul.load(config).plan().jobs
    return plan


def test_as_many_indexes_as_allowed_are_requested_at_once(server: Indexes, tmp_path: Path) -> None:
    plan = planned(
        server, tmp_path
    )  # each index but the first is answered when eight are asked for
    assert (plan.error, plan.files) == (None, DAYS)
    assert sorted(server.asked) == days()


def test_a_wrong_password_is_sent_once(server: Indexes, tmp_path: Path) -> None:
    plan = planned(server, tmp_path, token="wrong")
    assert plan.error is not None
    assert "401" in plan.error.message
    assert server.asked == days()[:1]


def test_entries_have_the_order_of_the_lists_whichever_is_read_first() -> None:
    def read(number: int) -> Iterator[tuple[int, int]]:
        if number % 2:
            threading.Event().wait(0.01)
        yield from ((number, entry) for entry in range(number % 5 * 300))

    found = [each for number, entries in in_order(range(40), read) for each in entries]
    assert found == [each for number in range(40) for each in read(number)]


def test_an_error_comes_after_the_entries_before_it_and_later_lists_follow() -> None:
    def read(number: int) -> Iterator[int]:
        yield number
        if number in {0, 7}:
            raise backhaul.NotFoundError(f"no list {number}")

    found: list[int | str] = []
    for _, entries in in_order(range(12), read):
        try:
            found.extend(entries)
        except backhaul.NotFoundError as error:
            found.append(error.message)
    assert found == [0, "no list 0", *range(1, 8), "no list 7", *range(8, 12)]


def test_no_thread_is_left_when_the_entries_are_no_longer_wanted() -> None:
    def read(number: int) -> Iterator[int]:
        while True:
            yield number

    lists = in_order(range(100), read)
    next(lists)
    _, entries = next(lists)
    assert list(islice(entries, 5)) == [1] * 5
    assert any(map(is_read_by_a_thread, threading.enumerate()))
    lists.close()
    assert soon(lambda: not any(map(is_read_by_a_thread, threading.enumerate())))


def test_lists_of_many_jobs_at_once_share_a_few_threads() -> None:
    most = 0

    def read(number: int) -> Iterator[int]:
        nonlocal most
        most = max(most, sum(map(is_read_by_a_thread, threading.enumerate())))
        yield number

    jobs = [in_order(range(30), read) for _ in range(20)]
    found: list[list[int]] = [[] for _ in jobs]
    for _ in range(30):
        for job, numbers in zip(jobs, found, strict=True):
            numbers.extend(next(job)[1])
    assert found == [list(range(30))] * 20
    assert 0 < most <= 2 * EIGHT
