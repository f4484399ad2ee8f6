"""Bars: how much of a whole is in which state."""

from collections.abc import Mapping

from backhaul.types import SlotState
from backhaul.views.look import RANKS, Look

# What is done stands first; silent slots are done, too.
_ORDER = (SlotState.VERIFIED, SlotState.SILENT, *(each for each in RANKS[2:]))


def bar(counts: Mapping[SlotState, int], *, width: int, look: Look) -> str:
    """A bar of so many characters, each state with its share; no state that occurs vanishes."""
    total = sum(counts.values())
    if not total:
        return " " * width
    present = [state for state in _ORDER if counts.get(state)]
    lengths = {state: max(1, width * counts[state] // total) for state in present}
    # Rounding is made up for by the largest, so that a single lost file still has its character.
    largest = max(present, key=lambda state: lengths[state])
    lengths[largest] = max(1, lengths[largest] + width - sum(lengths.values()))
    return "".join(look.paint(look.mark(state) * lengths[state], state) for state in present)


def meter(done: int, total: int, *, width: int, look: Look) -> str:
    """A progress bar; full only when everything is done."""
    filled = width * done // total if total else 0
    return look.paint(look.mark(SlotState.VERIFIED) * filled, SlotState.VERIFIED) + look.paint(
        look.mark(SlotState.PENDING) * (width - filled), SlotState.PENDING
    )
