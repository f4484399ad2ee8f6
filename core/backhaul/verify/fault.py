"""What the verifier raises."""

from backhaul.errors import FailureKind


class VerifyFault(Exception):  # noqa: N818 - a fault of the file, not an error of ours
    """A file that is not whole or not what it should be; says how."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
