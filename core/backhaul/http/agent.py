"""How requests introduce themselves, unless the settings say otherwise."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def user_agent() -> str:
    """``backhaul/<version>``; looked up once."""
    try:
        return f"backhaul/{version('backhaul')}"
    except PackageNotFoundError:
        return "backhaul"
