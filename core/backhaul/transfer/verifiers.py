"""How a part on disk is verified: in this process, or by another one that reads it too."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from backhaul.types import Content
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.verifier import Verifier


class Rules(NamedTuple):
    """What a file must satisfy; the arguments of a Verifier."""

    content: str
    footer_lines: int
    checksum: str | None
    limits: ContentLimits

    def verifier(self, digest: str | None = None) -> Verifier:
        """A verifier in this process; ``digest``: of a response, if no other checksum is known."""
        checksum = self.checksum or digest
        return Verifier(
            self.content, footer_lines=self.footer_lines, checksum=checksum, limits=self.limits
        )


class PartVerifier(Protocol):
    """Verifies a part whose bytes are fed in order; see Verifier."""

    def ready(self) -> bool:
        """Whether it can take a chunk now."""
        ...

    def feed(self, data: bytes) -> None:
        """Adds a chunk. Raises VerifyFault or OSError."""

    def finish(self) -> Content:
        """Ends the file and returns the result. Raises VerifyFault or OSError."""
        ...

    def close(self) -> None:
        """Pauses: the process that reads the part, if there is one, ends."""


class Verifiers(Protocol):
    """Chooses who verifies large parts.

    Attributes:
        most: maximum number of other processes.
    """

    most: int

    def of(
        self, open_part: Callable[[], int], rules: Rules, digest: str | None = None
    ) -> PartVerifier:
        """A verifier of a part that ``open_part`` opens; ``digest``: see Rules.verifier."""
        ...
