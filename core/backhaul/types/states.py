"""The vocabulary of the contract: states, contents and proofs."""

from enum import IntFlag, StrEnum
from functools import cache
from typing import Final

PACKINGS = ("gz", "zst", "bz2", "xz", "zip")
"""Supported compressions."""

CONTENTS = (
    "jsonl.gz", "jsonl", "csv", "json", "xml", "tar", "parquet", "bytes", *PACKINGS,
    "jsonl.zst", "jsonl.bz2", "jsonl.xz", "jsonl.zip",
    "csv.gz", "csv.zst", "csv.bz2", "csv.xz", "csv.zip",
    "tar.gz", "tar.zst", "tar.bz2", "tar.xz",
)  # fmt: skip
"""Supported contents: a form, a compression of any bytes, or both; see ``RemoteFile.content``."""


MISSING = frozenset({404, 410})
"""Usual statuses for a file that does not exist; see ``Request.missing``."""


class JobState(StrEnum):
    """The state of a job at the provider.

    PENDING: not started. RUNNING: being prepared. READY: its files can be listed and fetched. FAILED: the
    provider could not deliver it. EXPIRED: the provider has deleted its data.
    """

    PENDING = "pending"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


class SlotState(StrEnum):
    """The state of a file or of a slot.

    PENDING: not due or not requested yet. PARTIAL: partly received. VERIFIED: complete. SILENT: the
    provider's complete list has no file for the slot. MISSING: listed or expected, but the provider does
    not have it. CORRUPT: damaged. SUSPECT: complete, but the provider marks it as doubtful, or some records
    cannot be parsed. LOST: was present, and cannot be fetched again. FAILED: could not be fetched. UNKNOWN:
    cannot be determined.
    """

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
"""States of a complete file in the archive."""


class Proof(IntFlag):
    """Evidence that a file is complete; see ``PROVES_END`` for evidence of where it ends.

    LENGTH: the response had its announced length. LISTED_SIZE: the size is the listed one. CONTAINER: the
    end of the format was reached, and its checks passed. END: the end of a format without checksums was
    reached (a zstd frame without one, tar, Parquet). RECORDS: every record can be parsed. FOOTER: the
    provider's footer is there. COUNT: the number of records is the provider's. CHECKSUM: it matches.
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
        """The stable names for JSON and the manifest: ``["length", "container"]``."""
        return list(proof_words(self.value))


@cache
def proof_words(bits: int) -> tuple[str, ...]:
    """The same for plain bits; fast, for millions of files."""
    return tuple(str(bit.name).lower().replace("_", "-") for bit in Proof(bits))


PROVES_END = (
    Proof.LENGTH | Proof.LISTED_SIZE | Proof.CONTAINER | Proof.FOOTER | Proof.COUNT | Proof.CHECKSUM
    | Proof.END
)  # fmt: skip
"""Evidence of where a file ends. Parsed records prove only what is present."""
