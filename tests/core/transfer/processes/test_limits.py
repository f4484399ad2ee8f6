"""The limits of a run hold for the sum of all its workers, as a server that counts sees them."""

import gzip
import os
import time
from itertools import pairwise
from pathlib import Path

import pytest
from tests.core.transfer.processes.counting import CountingServer, rate_of
from tests.core.transfer.processes.test_processes import Paced, linked, pool
from tests.one_job import job_spec, one_job
from tests.usual import usual

from backhaul import Http, Pace
from backhaul.config import Settings
from backhaul.run.driver import Driver

MB = 1 << 20
WITHIN = 1.05


def small(_: str) -> bytes:
    return gzip.compress(b"{}\n")


def incompressible(size: int) -> bytes:
    return gzip.compress(b'"%s"\n' % os.urandom(size // 2).hex().encode(), compresslevel=0)


@pytest.mark.parametrize("workers", usual([2, 3], 2))
def test_the_rate_holds(tmp_path: Path, workers: int) -> None:
    body = incompressible(1 << 14)
    rate = MB
    with CountingServer(lambda _: body) as server:
        driver = one_job(linked(server, 300), tmp_path, workers=workers, limit_rate=rate)
        (result,) = driver.run().jobs
        span = time.monotonic() - server.times[0]  # the last bytes wait in the kernel
    assert result.files.verified == 300
    accumulates = 0.25 * rate
    assert (server.sent - accumulates) / span < WITHIN * rate


def test_the_only_busy_worker_may_use_the_whole_rate(tmp_path: Path) -> None:
    body = incompressible(4 * MB)
    rate = 2 * MB
    with CountingServer(lambda _: body) as server:
        driver = one_job(linked(server, 1), tmp_path, workers=2, limit_rate=rate)
        (result,) = driver.run().jobs
        span = server.last - server.times[0]
    assert result.files.verified == 1
    assert span < 1.8 * len(body) / rate


def test_the_pace_of_a_source_holds_while_workers_fetch_for_another(tmp_path: Path) -> None:
    pace = 20.0
    with (
        CountingServer(small, delay=0.01) as slow,
        CountingServer(small, delay=0.01) as fast,
    ):
        providers = {"slow": linked(slow, 60), "fast": linked(fast, 400)}
        specs = [
            job_spec(
                tmp_path,
                name=name,
                source=name,
                provider=name,
                source_options=Paced.model_construct(pace=Pace(pace) if name == "slow" else None),
            )
            for name in providers
        ]
        driver = Driver(
            specs,
            Settings(min_free_space=0, workers=2),
            load=providers.__getitem__,
            make_http=lambda _, stop: Http(stop=stop),
        )
        result = driver.run()
    assert [job.files.verified for job in result.jobs] == [60, 400]
    made = pool(driver)
    assert made is not None
    assert made._local.counters.finished == 60
    assert rate_of(slow.times, pace) < WITHIN * pace


@pytest.mark.parametrize(
    "status", usual(["429 Too Many Requests", "503 Service Unavailable"], "429 Too Many Requests")
)
def test_a_host_that_asks_for_fewer_requests_gets_them_from_one_worker(
    tmp_path: Path, status: str
) -> None:
    refused: list[float] = []
    with CountingServer(small, delay=0.03) as server:

        def refuse(_: str) -> str | None:
            if len(refused) >= 6 or len(server.times) < 60:
                return None
            refused.append(time.monotonic())
            return f"{status}\r\nRetry-After: 2"

        server.refuse = refuse
        driver = one_job(linked(server, 300), tmp_path, workers=2, connections=16)
        (result,) = driver.run().jobs
        before = server.most
        later = [refused[0], *(at for at in server.times if at > refused[0])]
    assert (result.files.verified, result.failures) == (300, ())
    assert before <= 16
    # Requests that were under way end; then there is a pause, whichever worker was refused.
    pause = max((second - first, first) for first, second in pairwise(later))
    assert pause[0] > 1.4
    assert sum(at <= pause[1] for at in later) <= 2 * 16
    assert server.most_since(pause[1] + 0.5) <= 8, "one worker's share"
