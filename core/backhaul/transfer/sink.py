"""Who takes what the engine has."""

from collections.abc import Callable, Collection
from typing import Protocol

from backhaul.storage.folder import JobFolder
from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Content, Problem


class Sink(Protocol):
    """Who takes what the engine has; all calls come on the engine's thread."""

    def folder(self, job: str) -> JobFolder:
        """The job's folder."""
        ...

    def check(self, transfer: Transfer, content: Content) -> Problem | None:
        """What the provider finds wrong with a file that came whole."""

    def checks(self, transfer: Transfer) -> bool:
        """Whether the provider looks at its files, as ``check`` has it do."""
        ...

    def arrived(
        self,
        transfer: Transfer,
        content: Content,
        data: bytes | None,
        validator: str | None,
        *,
        proof: int,
    ) -> None:
        """A verified file.

        Args:
            transfer: what it is.
            content: what the verifier saw.
            data: its bytes, or None when they are in its ``.part`` already.
            validator: the server's.
            proof: what shows that it is whole, as bits of Proof.
        """

    def unchanged(self, transfer: Transfer) -> None:
        """A file with a validator has not changed since it came with that."""

    def failed(self, transfer: Transfer, failure: Failure) -> None:
        """A file that could not be had."""

    def rejected(
        self, transfer: Transfer, failure: Failure, own: Collection[str]
    ) -> Callable[[bytes | None], None] | None:
        """Before ``failed``: bytes came that are not the file; what keeps them, or None.

        Args:
            transfer: what it is.
            failure: what is wrong with them.
            own: what is secret of the request, see ``redact.own_values``.

        Returns:
            A function for another thread, which raises nothing. It takes the bytes, or None when
            they are in the file's ``.part``, which is dropped afterwards.
        """

    def stale(self, transfer: Transfer, failure: Failure, *, gained: int) -> None:
        """A link that has expired; the file may be submitted again with a fresh one.

        ``gained``: bytes that came with it.
        """
