"""The words of the contract: states, contents and proofs."""

from enum import IntFlag, StrEnum
from typing import Final

PACKINGS = ("gz", "zst", "bz2", "xz", "zip")
"""How a content may be packed."""

CONTENTS = (
    "jsonl.gz", "jsonl", "csv", "json", "xml", "tar", "parquet", "bytes", *PACKINGS,
    "jsonl.zst", "jsonl.bz2", "jsonl.xz", "jsonl.zip",
    "csv.gz", "csv.zst", "csv.bz2", "csv.xz", "csv.zip",
    "tar.gz", "tar.zst", "tar.bz2", "tar.xz",
)  # fmt: skip
"""What a file may hold: a form, a packing of any bytes, or both; see ``RemoteFile.content``."""


MISSING = frozenset({404, 410})
"""What a server usually answers for a file that it does not have, see ``Request.missing``."""


class JobState(StrEnum):
    """How far a job is at the provider."""

    PENDING = "pending"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


class SlotState(StrEnum):
    """The state of a file or of a slot."""

    PENDING = "pending"
    PARTIAL = "partial"
    VERIFIED = "verified"
    SILENT = "silent"
    MISSING = "missing"
    CORRUPT = "corrupt"
    SUSPECT = "suspect"
    LOST = "lost"
    FAILED = "failed"
    UNKNOWN = "unknown"


HERE: Final = frozenset({SlotState.VERIFIED, SlotState.SUSPECT})
"""States of a file that is here, whole."""


class Proof(IntFlag):
    """What shows that a file is whole; see ``PROVES_END`` for what shows where it ends.

    CONTAINER: the format's end was reached, and its checks are right. END: its end was reached, and it
    has no check over its bytes (a zstd frame without a checksum, tar, Parquet).
    """

    NONE = 0
    LENGTH = 1
    LISTED_SIZE = 2
    CONTAINER = 4
    RECORDS = 8
    FOOTER = 16
    COUNT = 32
    CHECKSUM = 64
    END = 128

    def words(self) -> list[str]:
        """The stable words for JSON and the manifest: ``["length", "container"]``."""
        return [str(bit.name).lower().replace("_", "-") for bit in self]


PROVES_END = (
    Proof.LENGTH | Proof.LISTED_SIZE | Proof.CONTAINER | Proof.FOOTER | Proof.COUNT | Proof.CHECKSUM
    | Proof.END
)  # fmt: skip
"""Evidence that shows where a file ends. Records that parse show it only of what is there."""
