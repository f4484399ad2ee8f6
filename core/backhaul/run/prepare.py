"""Converts the YAML models to the run's configuration."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from backhaul.errors import ConfigError
from backhaul.http.unused import UnusedHttp
from backhaul.run.job import TaskSpec

if TYPE_CHECKING:
    from backhaul.config import Config, Settings
    from backhaul.http.session import Http
    from backhaul.plugins.facade import Provider


def task_specs(
    configs: "Sequence[Config]",
    *,
    only: Sequence[str] = (),
    wait: timedelta | None = None,
    same_archive: Sequence[str] = (),
) -> list[TaskSpec]:
    """The jobs of the configurations, or those named in ``only``.

    Args:
        configs: the configurations.
        only: names of jobs; empty for all.
        wait: how long each job waits to become ready; None for the configured time.
        same_archive: names of jobs whose files are their own even if their identity has changed.

    Raises:
        ConfigError: a name in ``only`` or ``same_archive`` is not a configured job.
    """
    siblings: dict[Path, set[str]] = {}
    for config in configs:
        siblings.setdefault(config.settings.dest, set()).update(config.jobs)
    specs = [
        TaskSpec(
            name=job.name,
            source=job.source.name,
            provider=job.source.provider,
            source_options=job.source.options,
            job_options=job.options,
            dest=config.settings.dest,
            wait=_seconds(wait if wait is not None else job.wait, config.settings.wait),
            accept_unproven=(
                job.source.accept_unproven if job.accept_unproven is None else job.accept_unproven
            ),
            plugin_error=job.plugin_error,
            siblings=frozenset(siblings[config.settings.dest]),
            same_archive=job.name in same_archive,
        )
        for config in configs
        for job in config.jobs.values()
    ]
    for flag, names in (("--job", only), ("--same-archive", same_archive)):
        unknown = [name for name in names if all(spec.name != name for spec in specs)]
        if unknown:
            known = ", ".join(spec.name for spec in specs) or "none"
            raise ConfigError(f"{flag} {unknown[0]}: no such job; configured jobs: {known}")
    return [spec for spec in specs if not only or spec.name in only]


def make_http(settings: "Settings", provider: "Provider", stop: Event) -> "Http | UnusedHttp":
    """Creates a provider's API session for one job."""
    if not provider.takes_http:
        return UnusedHttp()
    from backhaul.http.session import Http, HttpLimits  # noqa: PLC0415 - importing requests is slow

    return Http(
        pace=provider.info.pace,
        stop=stop,
        agent=settings.user_agent,
        limits=HttpLimits(
            connect=settings.connect_timeout.total_seconds(),
            read=settings.api_timeout.total_seconds(),
            retries=settings.retries,
        ),
    )


def _seconds(span: timedelta | None, default: timedelta | None) -> Any:
    chosen = span if span is not None else default
    return None if chosen is None else chosen.total_seconds()
