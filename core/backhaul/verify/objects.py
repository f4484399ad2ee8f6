"""Lines that should be JSON objects, looked at one by one."""

import json

from backhaul.verify.lines import LineCounter

# Numbers are not needed as numbers: as texts they cost no time and no limit of digits.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


class ObjectCounter(LineCounter):
    """Counts lines as LineCounter does, and those that are no JSON objects.

    Slower by far, and a line is held in memory whole: for files that are in doubt.

    Attributes:
        damaged: lines that are no JSON objects.
        first: the number of the first such line among those that are not blank, from 1; 0: none.
    """

    __slots__ = ("_rest", "_seen", "damaged", "first")

    def __init__(self) -> None:
        super().__init__()
        self.damaged = 0
        self.first = 0
        self._rest: list[bytes] = []
        self._seen = 0

    def feed(self, data: bytes) -> None:
        """Takes the next piece."""
        super().feed(data)
        whole, end, rest = data.rpartition(b"\n")
        if end:
            self._look(b"".join((*self._rest, whole)))
            self._rest = []
        if rest:
            self._rest.append(rest)

    def finish(self) -> None:
        """The text is over; a line without an end counts too."""
        super().finish()
        self._look(b"".join(self._rest))
        self._rest = []

    def _look(self, text: bytes) -> None:
        for line in text.split(b"\n"):
            if not line or line.isspace():
                continue
            self._seen += 1
            if not is_object(line):
                self.damaged += 1
                self.first = self.first or self._seen


def is_object(line: bytes) -> bool:
    """Whether a line is a JSON object in UTF-8."""
    try:
        return isinstance(_DECODER.decode(line.decode()), dict)
    except (ValueError, RecursionError):
        return False
