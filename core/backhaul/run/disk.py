"""Is there room?"""

from pathlib import Path

from backhaul.errors import DiskError
from backhaul.storage.space import free
from backhaul.wording import human


def preflight(path: Path, need: int, low_water: int) -> None:
    """Raises DiskError when what is listed will not fit above the low-water mark."""
    room = free(path)
    if need > room - low_water:
        raise DiskError(
            f"{path}: {human(need)} to fetch, but only {human(room)} free"
            f" (and {human(low_water)} stay free by min_free_space)"
        )
