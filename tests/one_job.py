"""A driver with one job of a provider that the test brings along."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from backhaul import Http, JobOptions, SourceOptions
from backhaul.errors import BackhaulError
from backhaul.plugins.facade import Provider
from backhaul.run.driver import Driver
from backhaul.run.settings import RunSettings
from backhaul.run.task import TaskSpec


def one_job(
    provider: Provider,
    dest: Path,
    *,
    name: str = "job",
    plugin_error: BackhaulError | None = None,
    accept_unproven: bool = False,
    on_tick: Callable[[Driver], None] = lambda _: None,
    **settings: Any,
) -> Driver:
    """The driver, not run yet; no room is kept free unless the settings say so."""
    spec = TaskSpec(
        name=name,
        source="s",
        provider=provider.name,
        source_options=SourceOptions.model_construct(),
        job_options=JobOptions.model_construct(),
        dest=dest,
        accept_unproven=accept_unproven,
        plugin_error=plugin_error,
    )
    return Driver(
        [spec],
        RunSettings(**{"min_free": 0, **settings}),
        load=lambda _: provider,
        make_http=lambda _, stop: Http(stop=stop),
        on_tick=on_tick,
    )
