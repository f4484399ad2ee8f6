"""Extracts records from text that arrives in chunks, dropping blank lines and the footer."""

from backhaul.errors import BackhaulError, ExitCode

_BOM = b"\xef\xbb\xbf"


class LineTooLongError(BackhaulError):
    """A line exceeds the setting ``max_line_size``; the file itself is whole."""

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, limit: int, file: str = "") -> None:
        text = f"a line exceeds {limit:,} bytes (max_line_size)"
        super().__init__(f"{file}: {text}" if file else text)
        self.limit = limit


class Records:
    """Copies records unchanged, each terminated by LF, dropping blank lines and footer lines.

    A leading byte order mark is dropped too, since outputs are combined from many files. A record's own
    bytes, including a trailing CR, are never changed.

    Attributes:
        count: number of records copied.
        altered: the output differs from the input.
    """

    __slots__ = (
        "_begun", "_footer", "_held", "_max_line", "_tail", "_tail_size", "altered", "count",
    )  # fmt: skip

    def __init__(self, *, footer_lines: int = 0, max_line: int = 64 << 20) -> None:
        self._footer = footer_lines
        self._max_line = max_line
        self._tail_size = 0
        self._held: list[bytes] = []  # the last lines: the footer, if nothing follows
        self._begun = False
        self._tail: list[bytes] = []  # pieces of the incomplete line
        self.count = 0
        self.altered = False

    def feed(self, text: bytes) -> bytes:
        """Adds a chunk; returns the records that are now complete.

        Raises LineTooLongError.
        """
        end = text.rfind(b"\n") + 1
        if not end:
            if text:
                self._hold(text)
            return b""
        rest = text[end:]
        whole = b"".join((*self._tail, text[:end])) if self._tail else text[:end]
        self._tail = []
        self._tail_size = 0
        if rest:
            self._hold(rest)
        return self._pass(whole)

    def _hold(self, piece: bytes) -> None:
        self._tail.append(piece)
        self._tail_size += len(piece)
        if self._tail_size > self._max_line:
            raise LineTooLongError(self._max_line)

    def finish(self) -> bytes:
        """Ends the text; returns the remaining records."""
        rest = b"".join(self._tail)
        self._tail.clear()
        if rest:
            self.altered = True
        found = self._pass(rest + b"\n") if rest else b""
        self.altered = self.altered or bool(self._held)
        self._held.clear()
        return found

    def _pass(self, whole: bytes) -> bytes:
        if not self._begun:
            self._begun = True
            if whole.startswith(_BOM):
                self.altered = True
                whole = whole[len(_BOM) :]
        lines = whole.split(b"\n")
        lines.pop()
        if len(whole) > self._max_line < max(map(len, lines)):
            raise LineTooLongError(self._max_line)
        blank = lines.count(b"") + sum(map(bytes.isspace, lines))
        if not blank and not self._footer:
            self.count += len(lines)
            return whole
        if blank:
            self.altered = True
            lines = [line for line in lines if line and not line.isspace()]
        if self._footer:
            lines = self._held + lines
            self._held = lines[-self._footer :]
            del lines[-self._footer :]
        self.count += len(lines)
        if not lines:
            return b""
        lines.append(b"")
        return b"\n".join(lines)
