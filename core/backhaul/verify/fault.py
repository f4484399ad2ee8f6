"""Problems of a file that was received or read again."""

from typing import Final

from backhaul.errors import FailureKind
from backhaul.types import Content


class VerifyFault(Exception):  # noqa: N818 - describes the file, not an error in backhaul
    """The file is incomplete, damaged or not the expected data."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


NO_LONGER: Final = "no longer listed"
UNLISTED: Final = f"was present, is no longer on disk, and is {NO_LONGER}"
LOST: Final = VerifyFault(
    FailureKind.LOST, "was deleted locally, and the queue does not send it again"
)


class DamagedLines(VerifyFault):
    """The file was damaged on every attempt and is kept; some records are not JSON.

    Attributes:
        content: the verifier's result.
    """

    def __init__(self, content: Content) -> None:
        super().__init__(
            FailureKind.CORRUPT,
            f"{bad_records(content)}, on every attempt; kept as received: order the period again,"
            " or fix or remove those lines and run again",
        )
        self.content = content


def bad_records(content: Content) -> str:
    """Describes a file's records that are not JSON; empty if there are none."""
    if content.first_bad is None:
        return ""
    line, place = content.first_bad
    where = f"line {line:,}, byte {place:,} of the decompressed data"
    if content.bad_records == 1:
        return f"1 line is not JSON ({where})"
    return f"{content.bad_records:,} lines are not JSON (first: {where})"
