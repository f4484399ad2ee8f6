"""The default User-Agent."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def user_agent() -> str:
    """``backhaul/<version>``, cached."""
    try:
        return f"backhaul/{version('backhaul')}"
    except PackageNotFoundError:
        return "backhaul"
