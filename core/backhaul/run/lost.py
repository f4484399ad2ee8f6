"""What a queue gave and was deleted here: the provider does not send it twice."""

from typing import Final

from backhaul.errors import FailureKind
from backhaul.verify.fault import VerifyFault

WHY: Final = "was here, was deleted here, and the queue cannot give it again"
LOST: Final = VerifyFault(FailureKind.LOST, WHY)


def told(number: int) -> str:
    """That so many files are lost, for people."""
    if number == 1:
        return "1 file was here, is not any more, and cannot be had again"
    return f"{number:,} files were here, are not any more, and cannot be had again"
