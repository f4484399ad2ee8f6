"""Which names a job may have: each becomes a folder, on whatever system the archive moves to."""

from backhaul.names import unsafe

MAX_LENGTH = 100
"""Characters of a job's name."""


def refuse(name: str) -> str | None:
    """Why the name cannot be a job's, as the end of a sentence; None when it can."""
    if len(name) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    if "/" in name or "\\" in name:
        return "has a slash"
    if name.startswith((".", "-")):
        return f'begins with "{name[0]}"'
    return unsafe(name)
