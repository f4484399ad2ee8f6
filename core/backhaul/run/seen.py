"""A set of ledger ids that costs a bit each: a million files are 125 KB."""


class Seen:
    """Remembers which ids came by."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> None:
        """Remembers an id."""
        place = number >> 3
        if place >= len(self._bits):
            self._bits.extend(bytes(max(place + 1, 2 * len(self._bits)) - len(self._bits)))
        self._bits[place] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        place = number >> 3
        return place < len(self._bits) and bool(self._bits[place] >> (number & 7) & 1)

    def clear(self) -> None:
        """Forgets all."""
        self._bits.clear()
