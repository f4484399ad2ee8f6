"""A job in a store is locked in a thread of its own, and unlocked even if the run is over by then."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from tests.one_job import job_spec

from backhaul.errors import LockedError
from backhaul.run import claims
from backhaul.run.claims import Claim, Claims
from backhaul.run.job import Job
from backhaul.storage.location import Location


class Lease:
    """Notes that it was released."""

    def __init__(self) -> None:
        self.released = Event()

    def release(self) -> None:
        self.released.set()


class Driver:
    """Runs what is posted, when it is asked to."""

    def __init__(self) -> None:
        self.posted: list[Callable[[], None]] = []
        self.ended: list[Job] = []
        self.claims = Claims(self.posted.append, self.ended.append)

    def turn(self, seconds: float = 0.0) -> None:
        time.sleep(seconds)
        while self.posted:
            self.posted.pop(0)()

    def wait(self) -> None:
        until = time.monotonic() + 10
        while not self.ended and time.monotonic() < until:
            self.turn(0.02)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(job_spec(tmp_path, provider="gnip-hpt"), order=0)


def test_a_job_is_locked_once_and_its_failure_is_raised_once(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Claim | LockedError] = [LockedError("by another machine"), Claim(Lease(), "d1")]

    def claim(_: Location, __: str) -> Claim:
        found = answers.pop(0)
        if isinstance(found, LockedError):
            raise found
        return found

    monkeypatch.setattr(claims, "claim", claim)
    driver = Driver()
    assert (driver.claims.of(job), driver.claims.of(job)) == (None, None)
    driver.wait()
    with pytest.raises(LockedError, match="by another machine"):
        driver.claims.of(job)
    driver.ended.clear()
    assert driver.claims.of(job) is None, "it is tried again"
    driver.wait()
    found = driver.claims.of(job)
    assert found is not None
    assert (found.snapshot, answers) == ("d1", [])
    driver.claims.used(job)
    driver.claims.keep(job, found.lease, "d2")
    assert driver.claims.of(job) == Claim(found.lease, "d2")


@pytest.mark.parametrize("late", [False, True])
def test_unused_claims_are_unlocked_when_the_run_ends(
    job: Job, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    lease, answered = Lease(), Event()

    def claim(_: Location, __: str) -> Claim:
        answered.wait(10)
        return Claim(lease)

    monkeypatch.setattr(claims, "claim", claim)
    driver = Driver()
    assert driver.claims.of(job) is None
    if not late:
        answered.set()
        driver.wait()
    driver.claims.close(driver.turn, 0.3)
    assert lease.released.is_set() is not late
    answered.set()
    assert lease.released.wait(10)
