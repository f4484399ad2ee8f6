"""Runs jobs: starts the driver and the listeners of its events."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backhaul.config import Config, JobSpec, Settings
    from backhaul.events import Listener
    from backhaul.run.driver import Driver
    from backhaul.run.result import RunResult


def run_jobs(
    specs: "Sequence[JobSpec]",
    settings: "Settings",
    configs: "Sequence[Config]",
    *,
    on_event: "Listener | None",
    runs: "list[Driver]",
    stopped: Callable[[], bool],
    only_failed: bool,
    refresh: bool,
    load: Callable[[str], Any],
    make_http: Callable[[Any, Any], Any],
) -> "RunResult":
    """Runs jobs to completion, with the notifications that the configurations ask for.

    Args:
        specs: the jobs.
        settings: from the YAML, with overrides.
        configs: the jobs' configurations.
        on_event: receives the events, in this thread.
        runs: has the driver while the run lasts.
        stopped: whether the run was stopped, perhaps before it began.
        only_failed: fetch only files that failed before.
        refresh: request everything again and replace what has changed.
        load: returns the Provider with a given name.
        make_http: creates a provider's API session for one job.
    """
    from backhaul.events import wants_files  # noqa: PLC0415
    from backhaul.notify.notices import Notices  # noqa: PLC0415
    from backhaul.run.driver import Driver  # noqa: PLC0415
    from backhaul.run.feed import Feed  # noqa: PLC0415

    with Notices(configs, stopped=stopped) as notices:
        listener = notices.before(on_event)
        feed = Feed()
        driver = Driver(
            specs,
            settings,
            only_failed=only_failed,
            refresh=refresh,
            load=load,
            make_http=make_http,
            on_tick=None if listener is None else feed.tick,
            tell=None if listener is None else feed.add,
            tell_files=wants_files(listener),
        )
        runs.append(driver)
        if stopped():
            driver.interrupt()
        try:
            return notices.finish(feed.follow(driver, listener))
        finally:
            runs.remove(driver)
