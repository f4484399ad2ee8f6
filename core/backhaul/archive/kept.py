"""Metadata that a store keeps with its objects: enough to restore a ledger row without reading the content."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from backhaul.archive.manifest.write import NAMES
from backhaul.oserrors import StoppedError, StoreError
from backhaul.storage.destination import Destination
from backhaul.types import CONTENTS, Content, Proof, RemoteFile, SlotState

if TYPE_CHECKING:
    from backhaul.storage.stored import Stored

_BLOCK: Final = 1 << 20
_LONGEST: Final = 1 << 20  # bytes of a line of the manifest
_PROOFS: Final = {str(bit.name).lower().replace("_", "-"): bit for bit in Proof}


def from_metadata(found: "Stored | None") -> tuple[RemoteFile, Content] | None:
    """The file as it was verified when it was stored; None if its metadata does not say."""
    if found is None or found.sha256 is None or not found.proof or found.content not in CONTENTS:
        return None
    proof = Proof.NONE
    for word in found.proof.split("+"):
        proof |= _PROOFS.get(word, Proof.NONE)
    file = RemoteFile(found.name, content=found.content, footer_lines=found.footer_lines)
    return file, Content(found.size, found.sha256, found.records, proof=proof)


def suspects(folder: Destination) -> dict[tuple[str, str], str]:
    """What the manifest says of files with bad records, by name and sha256; empty if there is none.

    Raises StoreError.
    """
    found = {}
    for line in _lines(folder):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        match entry:
            case {"file": str(name), "state": SlotState.SUSPECT.value, "sha256": str(digest)}:
                note = entry.get("note")
                found[name, digest] = note if isinstance(note, str) else ""
    return found


def _lines(folder: Destination) -> Iterator[bytes]:
    if folder.size(NAMES[0]) is None:
        return
    try:
        with folder.open(NAMES[0]) as file:
            rest = b""
            while block := file.read(_BLOCK):
                *whole, rest = (rest + block).split(b"\n")
                yield from (line for line in whole if b'"suspect"' in line)
                if len(rest) > _LONGEST:
                    return
    except (StoreError, StoppedError):
        raise
    except OSError:
        return
