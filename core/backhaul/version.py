"""This program's version, as `--version` prints it and as requests carry it."""

from functools import cache


def name_and_version() -> str:
    """The output of ``--version``."""
    from importlib.metadata import version  # noqa: PLC0415 - takes 20 ms, and few commands need it

    return f"backhaul {version('backhaul')}\n"


@cache
def user_agent() -> str:
    """The default User-Agent: ``backhaul/<version>``, cached."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - see above

    try:
        return f"backhaul/{version('backhaul')}"
    except PackageNotFoundError:
        return "backhaul"
