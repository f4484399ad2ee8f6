"""What the verifier raises."""

from backhaul.errors import FailureKind
from backhaul.types import Content


class VerifyFault(Exception):  # noqa: N818 - a fault of the file, not an error of ours
    """A file that is not whole or not what it should be; says how."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class DamagedLines(VerifyFault):
    """A file that arrived damaged on every attempt and is kept; some records are not JSON.

    Attributes:
        content: what the verifier saw of it all the same.
    """

    def __init__(self, content: Content) -> None:
        super().__init__(
            FailureKind.CORRUPT,
            f"{bad_records(content)}, on every attempt; kept as received: order the period"
            " again, or fix or remove those lines and run again",
        )
        self.content = content


def bad_records(content: Content) -> str:
    """Which of a file's records are not JSON, for people; empty when all are."""
    if content.first_bad is None:
        return ""
    line, place = content.first_bad
    where = f"line {line:,}, byte {place:,} of the text"
    if content.bad_records == 1:
        return f"1 line is not JSON ({where})"
    return f"{content.bad_records:,} lines are not JSON (the first: {where})"
