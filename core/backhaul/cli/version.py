"""The output of ``--version``."""


def answer() -> str:
    """The program's name and version."""
    from importlib.metadata import version  # noqa: PLC0415 - takes 20 ms, and nothing else needs it

    return f"backhaul {version('backhaul')}\n"
