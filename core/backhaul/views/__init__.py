"""What the terminal shows: a map of slots and bars. Plain values in, lines of text out."""

from backhaul.views.gap_map import gap_map
from backhaul.views.look import Look, bar

__all__ = ["Look", "bar", "gap_map"]
