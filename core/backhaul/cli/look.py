"""How bars and maps are drawn on stdout."""

from typing import TYPE_CHECKING

from backhaul.cli import library, output

if TYPE_CHECKING:
    from backhaul.views import Look


def look() -> "Look":
    """The abilities of the terminal, and whether to use colour."""
    stream = output.Stdout.stream()
    return library.Look.of(stream, colours=output.colours(stream))
