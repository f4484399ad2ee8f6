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
    """A file that is whole as it is stored, yet some of its lines are no JSON.

    Attributes:
        content: what the verifier saw of it all the same.
    """

    def __init__(self, message: str, content: Content) -> None:
        super().__init__(FailureKind.CORRUPT, message)
        self.content = content
