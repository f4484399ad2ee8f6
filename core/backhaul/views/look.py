"""A terminal's capabilities: size, colours and characters."""

import shutil
from dataclasses import dataclass
from typing import Final, TextIO

from backhaul.types import SlotState

# From the best to the worst: of slots that share a character the last one here is shown.
RANKS: Final = (
    SlotState.SILENT,
    SlotState.VERIFIED,
    SlotState.SUSPECT,
    SlotState.PENDING,
    SlotState.PARTIAL,
    SlotState.UNKNOWN,
    SlotState.MISSING,
    SlotState.LOST,
    SlotState.FAILED,
    SlotState.CORRUPT,
)
_MARKS: Final = {
    SlotState.VERIFIED: ("█", "#", "38;5;36"),
    SlotState.SILENT: ("·", ".", "2"),
    SlotState.PENDING: ("░", "-", "2"),
    SlotState.PARTIAL: ("▄", "~", "38;5;74"),
    SlotState.SUSPECT: ("S", "S", "38;5;227"),
    SlotState.UNKNOWN: ("?", "?", "38;5;250"),
    SlotState.MISSING: ("M", "M", "1;38;5;214"),
    SlotState.LOST: ("L", "L", "1;38;5;203"),
    SlotState.FAILED: ("F", "F", "1;38;5;175"),
    SlotState.CORRUPT: ("C", "C", "1;38;5;202"),
}
_LEAST_WIDTH: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What can be used.

    Attributes:
        width, height: of the terminal, in characters.
        colours: ANSI colours.
        blocks: characters beyond ASCII.
    """

    width: int = 80
    height: int = 24
    colours: bool = False
    blocks: bool = False

    @classmethod
    def of(cls, stream: TextIO, *, colours: bool) -> "Look":
        """What the terminal behind a stream can show; ``colours``: whether colours are wanted."""
        size = shutil.get_terminal_size()
        return cls(
            width=max(_LEAST_WIDTH, size.columns),
            height=size.lines,
            colours=colours,
            blocks=_can_encode(stream, "█░▄·"),
        )

    def mark(self, state: SlotState) -> str:
        """The one character of a state; letters tell them apart without colours."""
        block, letter, _ = _MARKS[state]
        return block if self.blocks else letter

    def paint(self, text: str, state: SlotState) -> str:
        """A text in the colour of a state."""
        return f"\x1b[{_MARKS[state][2]}m{text}\x1b[0m" if self.colours and text else text


def _can_encode(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
