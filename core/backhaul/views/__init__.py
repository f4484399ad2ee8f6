"""What the terminal shows: a map of slots and bars. Plain values in, lines of text out."""

from backhaul.views.bars import bar, meter
from backhaul.views.gap_map import gap_map
from backhaul.views.look import Look

__all__ = ["Look", "bar", "gap_map", "meter"]
