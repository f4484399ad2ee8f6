"""Checks for free disk space."""

from pathlib import Path

from backhaul.errors import DiskError
from backhaul.storage.state import free
from backhaul.wording import human


def preflight(path: Path, need: int, low_water: int) -> None:
    """Raises DiskError if the listed files do not fit and leave ``low_water`` bytes free."""
    room = free(path)
    if need > room - low_water:
        raise DiskError(
            f"{path}: {human(need)} to fetch, but only {human(room)} available"
            f" (min_free_space keeps {human(low_water)} free)"
        )
