"""What ``--version`` answers."""


def answer() -> str:
    """The program's name and version."""
    from importlib.metadata import version  # noqa: PLC0415 - 20 ms that only this answer needs

    return f"backhaul {version('backhaul')}\n"
