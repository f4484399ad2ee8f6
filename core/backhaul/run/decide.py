"""Decides what a run does with a listed file: skip, compare, read from disk, or fetch.

Pure: takes the listing, the ledger's row and sizes on disk. Shared by run and plan.
"""

from enum import Enum, auto
from typing import Final, NamedTuple

from backhaul import names
from backhaul.ledger.rows import CHANGED, GONE, LISTED, REBUILT, FileRow, KnownRow, listed_values
from backhaul.storage.destination import SizeOf
from backhaul.types import HERE, Proof, RemoteFile, SlotState
from backhaul.verify.contents import PROVABLE

_KNOWN: Final = HERE | {SlotState.UNKNOWN}  # including files entered by a rebuild


class Action(Enum):
    """What to do with a file."""

    HERE = auto()  # nothing: present and listed as before
    AGREES = auto()  # nothing: present; the listing changed, but not its content
    LOOK = auto()  # read it: it may be on disk
    GAP = auto()  # nothing: it was missing and is not requested again
    FETCH = auto()


class Decision(NamedTuple):
    """What to do with a file, and how.

    Attributes:
        action: what to do.
        found: with LOOK: the name to look under.
        sha256: with LOOK: accept only these bytes; None: accept what reading proves.
        proof: with AGREES: what the listing adds to the proof.
        contradicts: the listing has, or may have, another version than the verified one.
        absent: present according to the ledger, but not on disk as it was.
    """

    action: Action
    found: str | None = None
    sha256: str | None = None
    proof: Proof = Proof.NONE
    contradicts: bool = False
    absent: bool = False


_HERE: Final = Decision(Action.HERE)
_GAP: Final = Decision(Action.GAP)
FETCH: Final = Decision(Action.FETCH)


def decide(row: KnownRow | None, file: RemoteFile, size_of: SizeOf) -> Decision:
    """Decides about a listed file that is not a queue.

    Args:
        row: the ledger's row; None if new.
        file: the listed file.
        size_of: size of a file on disk; None if there is none.
    """
    if row is None or row.sha256 is None:
        decision = _never_proven(file, size_of)
        settled = row is not None and row.state == SlotState.MISSING and not file.recheck
        return _GAP if settled and decision is FETCH else decision
    comparison = _compare(row, file)
    other = comparison is not _Comparison.SAME
    if not is_here(row, size_of):
        absent = row.state in _KNOWN
        found = None if absent and not file.checksum else _on_disk(file, size_of)
    elif not other:
        same = row[LISTED:] == listed_values(file)
        return _HERE if same else Decision(Action.AGREES, proof=listing_proves(file))
    else:
        absent = False
        found = row.name if comparison is _Comparison.PERHAPS else None
    if found is None or (comparison is _Comparison.OTHER and not file.checksum):
        return Decision(Action.FETCH, contradicts=other, absent=absent)
    expected = None if file.checksum else row.sha256
    return Decision(Action.LOOK, found, expected, contradicts=other, absent=absent)


def is_settled(row: KnownRow, file: RemoteFile, size_of: SizeOf) -> bool:
    """Whether a file is present and listed as before. Agrees with ``decide``, but is faster."""
    return (
        row.state in HERE and row[LISTED:] == listed_values(file) and size_of(row.name) == row.size
    )


def is_here(row: KnownRow, size_of: SizeOf) -> bool:
    """Whether the verified bytes are on disk, judging by size."""
    return row.state in _KNOWN and size_of(row.name) == row.size


class _Comparison(Enum):
    """What a listing says about bytes that were verified earlier."""

    SAME = auto()
    PERHAPS = auto()  # undecided until they are read
    OTHER = auto()


def _compare(row: KnownRow, file: RemoteFile) -> _Comparison:
    size = row.size if row.size is not None else row.listed_size
    same_sum = _same_checksum(row, file)
    if _differ(file.size, size) or same_sum is False:
        return _Comparison.OTHER
    if same_sum is None and file.checksum:
        return _Comparison.PERHAPS
    if not same_sum and _differ(file.version, row.version):
        return _Comparison.OTHER
    same_form = (file.content, file.footer_lines) == (row.content, row.footer_lines)
    rebuilt = bool(row.flags & REBUILT)
    if not same_form or _differ(file.records, row.listed_records) or (rebuilt and file.records):
        return _Comparison.PERHAPS
    # Nothing but reading proves the end of a file entered by a rebuild.
    return _Comparison.OTHER if rebuilt and not _proves_itself(file) else _Comparison.SAME


def _differ(listed: str | int | None, known: str | int | None) -> bool:
    return listed is not None and known is not None and listed != known


def _same_checksum(row: KnownRow, file: RemoteFile) -> bool | None:
    """Whether the listed checksum matches the verified bytes; None if that cannot be determined."""
    if not file.checksum:
        return None
    listed = file.checksum.lower()
    kind, _, digest = listed.partition(":")
    if kind == "sha256":
        return digest == row.sha256
    known = (row.checksum or "").lower()
    return listed == known if known.partition(":")[0] == kind else None


def listing_proves(file: RemoteFile) -> Proof:
    """What a listing proves about bytes that match it."""
    return (Proof.LISTED_SIZE if file.size is not None else Proof.NONE) | (
        Proof.CHECKSUM if file.checksum else Proof.NONE
    )


def _proves_itself(file: RemoteFile) -> bool:
    """Whether reading the file proves that it is whole."""
    evidence = (file.size, file.checksum, file.checksum_url)
    return file.content in PROVABLE or any(each is not None for each in evidence)


def _never_proven(file: RemoteFile, size_of: SizeOf) -> Decision:
    found = _on_disk(file, size_of) if _proves_itself(file) else None
    return FETCH if found is None else Decision(Action.LOOK, found)


def _on_disk(file: RemoteFile, size_of: SizeOf) -> str | None:
    for name in (file.name, *file.aliases):
        if (name == file.name or names.unsafe(name) is None) and size_of(name) is not None:
            return name
    return None


class Unlisted(Enum):
    """What to do with a file in the ledger that is missing from a complete listing."""

    KEPT = auto()  # nothing: present and verified
    LOOK = auto()  # read it: it may be on disk
    ABSENT = auto()  # not present, and cannot be fetched


def unlisted(row: FileRow, size: int | None) -> Unlisted:
    """Classifies a file that is no longer listed.

    Args:
        row: the ledger's row; not a volume of a queue.
        size: size of the file on disk; None if there is none.
    """
    rebuilt = row.state is SlotState.UNKNOWN and row.sha256 is not None
    if rebuilt or (row.state in HERE and size == row.size):
        return Unlisted.KEPT
    if size is None or row.state in HERE:
        return Unlisted.ABSENT
    looks = row.sha256 is not None or _proves_itself(row.remote())
    return Unlisted.LOOK if looks else Unlisted.ABSENT


def is_gap(row: FileRow) -> bool:
    """Whether a missing file is not a failure: it is optional, or was reported before."""
    return row.state is SlotState.MISSING and (row.optional or bool(row.flags & GONE))


def is_being_replaced(row: KnownRow) -> bool:
    """Whether a newer version of a present file was listed but not fetched yet."""
    return bool(row.flags & CHANGED)
