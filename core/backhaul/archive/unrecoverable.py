"""Messages for files that are lost and cannot be fetched again."""

from typing import Final

from backhaul.errors import FailureKind
from backhaul.verify.fault import VerifyFault

NO_LONGER: Final = "no longer listed"
UNLISTED: Final = f"was present, is no longer on disk, and is {NO_LONGER}"
WHY: Final = "was deleted locally, and the queue does not send it again"
LOST: Final = VerifyFault(FailureKind.LOST, WHY)


def told(number: int) -> str:
    """Says how many files are lost."""
    if number == 1:
        return "1 file is lost: no longer on disk, and cannot be fetched again"
    return f"{number:,} files are lost: no longer on disk, and cannot be fetched again"
