"""What goes to an executor and comes back can be pickled."""

import gzip
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from tests.core.transfer.test_large_files import provider
from tests.one_job import one_job
from tests.shelf import Shelf, large_archive

from backhaul import RemoteFile, Request
from backhaul.errors import FailureKind
from backhaul.run.result import JobResult
from backhaul.secret import Secret
from backhaul.transfer import thread
from backhaul.transfer.executor import LARGE, MANY, Executor, Setup, WorkUnit, units
from backhaul.transfer.outcome import Done, Failed, Stale, Unchanged, Withdrawn
from backhaul.transfer.thread import TransferThread
from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Content

T = TypeVar("T")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILE = RemoteFile("a.json.gz", "https://h/a", start=NOW, end=NOW + timedelta(hours=1), size=3)
REQUEST = Request(
    "https://h/a?sig=1", headers={"X-Key": Secret("key")}, auth=("me", Secret("pw")), expires=NOW
)
TRANSFER = Transfer(
    "0:job", FILE, REQUEST, listing_round=1, good_until=NOW.timestamp(), validator='"1"'
)
FAILURE = Failure(kind=FailureKind.EXPIRED, message="its link has expired", link=True)
CONTENT = Content(size=3, sha256="0" * 64, records=1, last=b"{}")


def through(value: T) -> T:
    copy: T = pickle.loads(pickle.dumps(value))
    return copy


@pytest.mark.parametrize(
    "value",
    [
        WorkUnit("0:job", (TRANSFER,), frozenset({"a.json.gz"})),
        Done(TRANSFER, CONTENT, '"1"', 4, opened=True, warnings=("odd",)),
        Unchanged(TRANSFER),
        Failed(TRANSFER, FAILURE),
        Stale(TRANSFER, FAILURE, 7),
        Withdrawn("0:job", frozenset({"a"})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_units_and_outcomes_are_plain_values(value: object) -> None:
    copy = through(value)
    assert copy == value
    assert type(copy) is type(value)


class Distant(TransferThread):
    """Pickles everything that goes in and out, like another process."""

    given: int = 0

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup._replace(deliver=lambda outcomes: setup.deliver(through(outcomes))))

    def submit(self, unit: WorkUnit) -> None:
        type(self).given += 1
        super().submit(through(unit))


def test_a_run_whose_units_and_outcomes_are_sent_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {
        "large.json.gz": large_archive(1, 17 << 20),
        "middle.json.gz": large_archive(2, 2 << 20),
        **{
            f"many/{number}.json.gz": gzip.compress(b'{"n": %d}\n' % number)
            for number in range(400)
        },
    }
    with Shelf() as shelf:
        for name, body in data.items():
            shelf.storage.put(name, body)
        plugin = provider(shelf, *data, "missing.json.gz")

        def run(dest: Path) -> JobResult:
            (result,) = one_job(plugin, dest, workers=1).run().jobs
            return result

        here = run(tmp_path / "here")
        monkeypatch.setattr(thread, "TransferThread", Distant)
        there = run(tmp_path / "there")
    assert (there.files, there.failures) == (here.files, here.failures)
    assert Distant.given > 1
    for name, body in data.items():
        assert (tmp_path / "there/job" / name).read_bytes() == body


def made(name: str, url: str, size: int | None = None) -> Transfer:
    return Transfer("0:job", RemoteFile(name, url, size=size), Request(url))


def test_a_unit_is_of_one_host_and_of_bounded_size() -> None:
    some = [made(f"a{number}", "https://a/x") for number in range(MANY + 1)]
    some += [made(f"b{number}", "https://b/x", LARGE // 2) for number in range(3)]
    some += [made("c", "http://")]
    found = list(units(some, ["a0", "b2", "other"]))
    assert [len(unit.transfers) for unit in found] == [MANY, 1, 2, 1, 1]
    assert [each for unit in found for each in unit.transfers] == some
    assert [sorted(unit.partials) for unit in found] == [["a0"], [], [], ["b2"], []]


def test_a_thread_is_an_executor() -> None:
    """For type checkers and readers."""
    kind: type[Executor] = TransferThread
    assert kind is TransferThread
