"""How many files a task has, without a cluster."""

from types import SimpleNamespace
from typing import Any

import pytest

from backhaul import RemoteFile, Request
from backhaul.transfer.cluster.crew import ClusterCrew
from backhaul.transfer.executor import WorkUnit, units
from backhaul.transfer.processes.assigned import Assigned
from backhaul.transfer.processes.dispatch import Dispatch
from backhaul.transfer.unit import Counters, Transfer

KB, MB = 1 << 10, 1 << 20


class Worker:
    """Notes how many files each unit has."""

    ready, dismissed = True, False

    def __init__(self, number: int, sizes: list[int]) -> None:
        self.number = number
        self.assigned = Assigned()
        self.sizes = sizes

    def begin(self, job: str, context: bytes) -> None:
        pass

    def submit(self, unit: WorkUnit) -> None:
        self.sizes.append(len(unit.transfers))


def sizes_of_units(files: int, *, least: int) -> list[int]:
    """Sizes of the units in which two workers without limits get a job's files."""
    sizes: list[int] = []
    workers = {number: Worker(number, sizes) for number in range(2)}
    crew: Any = SimpleNamespace(
        workers=workers,
        usable=list(workers.values()),
        wanted=2,
        enough=files,
        least=least,
        waits=True,
        started=True,
        in_use=True,
        hopeless=False,
        start=lambda: None,
    )
    here: Any = SimpleNamespace(number=-1, assigned=Assigned(), finished=0)
    dispatch = Dispatch(crew, here, deliver=lambda _: None)
    dispatch.begin("job", b"context")
    request = Request("http://127.0.0.1/a")
    names = [f"{number}.json.gz" for number in range(files)]
    for unit in units([Transfer("job", RemoteFile(n, request.url), request) for n in names], ()):
        dispatch.submit(unit)
    dispatch.turn(0.0)
    assert sum(sizes) == files
    return sizes


def test_the_last_files_are_not_divided_into_tiny_units() -> None:
    assert len(sizes_of_units(1000, least=50)) < len(sizes_of_units(1000, least=1)) * 2 // 3


def test_a_minimum_leaves_no_worker_without_files() -> None:
    assert sizes_of_units(40, least=50)[:2] == [20, 10]


def test_without_a_minimum_the_last_files_are_divided_among_the_workers() -> None:
    assert sizes_of_units(1000, least=1)[-2:] == [1, 1]


@pytest.mark.parametrize(
    ("files", "size", "least"),
    [(0, 0, 1), (10, 0, 1), (100, 4 * KB, 50), (100, 100 * KB, 40), (3, MB, 4), (3, 100 * MB, 1)],
)
def test_the_minimum_depends_on_the_size_of_the_files_so_far(
    files: int, size: int, least: int
) -> None:
    crew: Any = ClusterCrew.__new__(ClusterCrew)
    one = SimpleNamespace(counters=Counters(bytes=files * size, finished=files))
    crew.workers = {0: one, 1: one}
    assert crew.least == least
