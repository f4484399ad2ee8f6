"""What was here and cannot be had again, in words."""

from typing import Final

from backhaul.errors import FailureKind
from backhaul.verify.fault import VerifyFault

NO_LONGER: Final = "no longer listed"
UNLISTED: Final = f"was here, is not any more, and is {NO_LONGER}"
WHY: Final = "was here, was deleted here, and the queue cannot give it again"
LOST: Final = VerifyFault(FailureKind.LOST, WHY)


def told(number: int) -> str:
    """That so many files are lost, for people."""
    if number == 1:
        return "1 file was here, is not any more, and cannot be had again"
    return f"{number:,} files were here, are not any more, and cannot be had again"
