"""Checks for free disk space."""

from backhaul.errors import DiskError
from backhaul.storage.location import Location
from backhaul.storage.state import free
from backhaul.wording import human


def preflight(dest: Location, need: int, low_water: int) -> None:
    """Raises DiskError if the listed files do not fit and leave ``low_water`` bytes free."""
    room = free(dest.disk)
    if need > room - low_water:
        raise DiskError(
            f"{dest}: {human(need)} to fetch, but only {human(room)} available"
            f" (min_free_space keeps {human(low_water)} free)"
        )
