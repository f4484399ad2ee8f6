"""Creates the driver of a run, and checks ledgers in the background meanwhile."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from backhaul.run.inspections import Inspections

if TYPE_CHECKING:
    from backhaul.config import JobSpec, Settings
    from backhaul.run.driver import Driver
    from backhaul.run.feed import Feed


def launch(
    specs: "Sequence[JobSpec]",
    settings: "Settings",
    *,
    listening: bool,
    only_failed: bool,
    refresh: bool,
    load: Callable[[str], Any],
    make_http: Callable[[Any, Any], Any],
) -> "tuple[Driver, Feed]":
    """The driver of a run, not started yet, and the feed of its events.

    Args:
        specs: the jobs.
        settings: from the YAML, with overrides.
        listening: whether anyone listens to the events.
        only_failed: fetch only files that failed before.
        refresh: request everything again and replace what has changed.
        load: returns the Provider with a given name.
        make_http: creates a provider's API session for one job.
    """
    inspections = Inspections(spec.dest for spec in specs)  # while the transfers are imported
    from backhaul.run.driver import Driver  # noqa: PLC0415
    from backhaul.run.feed import Feed  # noqa: PLC0415

    feed = Feed()
    driver = Driver(
        specs,
        settings,
        only_failed=only_failed,
        refresh=refresh,
        load=load,
        make_http=make_http,
        on_tick=feed.tick if listening else None,
        tell=feed.add if listening else None,
        inspections=inspections,
    )
    return driver, feed
