"""Checks job names: each becomes a folder, which must be valid on any system."""

from backhaul.names import unsafe

MAX_LENGTH = 100
"""Maximum length of a job's name, in characters."""


def refuse(name: str) -> str | None:
    """Why the name is invalid, as the end of a sentence; None if it is valid."""
    if len(name) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    if "/" in name or "\\" in name:
        return "contains a slash"
    if name.startswith((".", "-")):
        return f'starts with "{name[0]}"'
    return unsafe(name)
