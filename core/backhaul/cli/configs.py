"""What commands say of the configurations that they are given."""

import logging
from collections.abc import Sequence

from backhaul.config import Config
from backhaul.config.batch import load_configs, load_outline, one_a_folder, run_wide

__all__ = ["load_configs", "load_outline", "no_jobs", "one_a_folder", "run_wide"]

log = logging.getLogger(__name__)


def no_jobs(configs: Sequence[Config]) -> None:
    """Say so when there is nothing to do."""
    if not any(config.jobs for config in configs):
        log.warning("no jobs in %s", ", ".join(config.path.name for config in configs))
