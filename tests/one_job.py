"""A driver with one job of a provider defined by the test."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from backhaul import Http, JobOptions, SourceOptions
from backhaul.config import JobSpec, Place, Settings, Source
from backhaul.errors import BackhaulError
from backhaul.http.unused import UnusedHttp
from backhaul.ledger.ledger import Ledger
from backhaul.plugins.facade import Provider
from backhaul.run.driver import Driver
from backhaul.run.job import Job
from backhaul.run.task import Task
from backhaul.storage.lease import Lease
from backhaul.storage.location import Location

# Options of the command line; all others are settings of the YAML.
OF_DRIVER = {"only_failed", "refresh", "ledger_patience"}


def job_spec(
    dest: Path,
    *,
    name: str = "job",
    source: str = "s",
    provider: str = "p",
    source_options: SourceOptions | None = None,
    options: JobOptions | None = None,
    **more: Any,
) -> JobSpec:
    """A job as a configuration would have it, of a source of its own."""
    place = Place("a test")
    return JobSpec(
        name=name,
        source=Source(
            name=source,
            provider=provider,
            options=source_options or SourceOptions.model_construct(),
            place=place,
        ),
        options=options or JobOptions.model_construct(),
        dest=Location.of_folder(dest),
        place=place,
        **more,
    )


def one_job(
    provider: Provider,
    dest: Path,
    *,
    name: str = "job",
    plugin_error: BackhaulError | None = None,
    accept_unproven: bool = False,
    source_options: SourceOptions | None = None,
    on_tick: Callable[[Driver], None] = lambda _: None,
    **settings: Any,
) -> Driver:
    """The driver, not run yet; min_free_space is 0 unless set."""
    spec = job_spec(
        dest,
        name=name,
        provider=provider.name,
        accept_unproven=accept_unproven,
        plugin_error=plugin_error,
        source_options=source_options,
    )
    of_driver = {name: settings.pop(name) for name in OF_DRIVER & settings.keys()}
    return Driver(
        [spec],
        Settings(**{"min_free_space": 0, **settings}),
        **of_driver,
        load=lambda _: provider,
        make_http=lambda _, stop: Http(stop=stop),
        on_tick=on_tick,
    )


@contextmanager
def under_way(provider: Provider, dest: Path, ledger: Ledger) -> Iterator[Task]:
    """A running job without a driver: it is in the ledger, and has no folder yet."""
    spec = job_spec(dest, provider=provider.name)
    task = Task(
        Job(spec, order=0),
        ledger=ledger,
        lease=Lease(dest / ".backhaul", spec.name),
        provider=provider,
        http=UnusedHttp(),
        stop=Event(),
    )
    try:
        yield task
    finally:
        task.close()
