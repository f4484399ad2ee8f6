"""A set of ledger ids as a bitmap: 125 KB per million files."""


class IdSet:
    """A set of ids."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> bool:
        """Adds an id; returns whether it is new."""
        place, bit = number >> 3, 1 << (number & 7)
        bits = self._bits
        try:
            before = bits[place]
        except IndexError:
            bits.extend(bytes(max(place + 1, 2 * len(bits)) - len(bits)))
            before = 0
        bits[place] = before | bit
        return not before & bit

    def __contains__(self, number: int) -> bool:
        place = number >> 3
        return place < len(self._bits) and bool(self._bits[place] >> (number & 7) & 1)

    def __len__(self) -> int:
        return int.from_bytes(self._bits, "little").bit_count()

    def update(self, other: "IdSet") -> None:
        """Adds all ids of another set."""
        mine, others = self._bits, other._bits  # noqa: SLF001 - same class
        both = int.from_bytes(mine, "little") | int.from_bytes(others, "little")
        self._bits = bytearray(both.to_bytes(max(len(mine), len(others)), "little"))

    def clear(self) -> None:
        """Removes all ids."""
        self._bits.clear()
