"""Queues deliver their data once and in their own order, so a run takes all of one or nothing."""

from typing import TYPE_CHECKING

from backhaul.errors import ConfigError
from backhaul.selection import Selection

if TYPE_CHECKING:
    from backhaul.plugins.facade import Provider


def refuse_part_of_queue(provider: "Provider", selection: Selection) -> None:
    """Raises ConfigError if only a part of a queue is selected."""
    if provider.pulls and not selection.is_all:
        raise ConfigError(
            "this job is a queue, which delivers its data only once and as a whole; leave out"
            " --since, --until, --include and --exclude, or select other jobs with --job"
        )
