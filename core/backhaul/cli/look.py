"""How pictures are drawn on stdout."""

from typing import TYPE_CHECKING

from backhaul.cli import library, output

if TYPE_CHECKING:
    from backhaul.views import Look


def look() -> "Look":
    """What the terminal can show, in colour where that is wanted."""
    stream = output.Stdout.stream()
    return library.Look.of(stream, colours=output.colours(stream))
