"""A file that is on disk already, though the ledger does not know it: proven, not fetched."""

from backhaul.archive.reading import verify_file
from backhaul.storage.destination import Destination
from backhaul.types import Content, Proof, RemoteFile
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Limits


def adoptable(
    destination: Destination, name: str, file: RemoteFile, limits: Limits, *, doubtful: bool = False
) -> Content | None:
    """What the verifier saw of a file on disk; None when it is not whole and must be fetched.

    Nor is it known to be whole when some of its records are bad and nothing shows that they came so.
    """
    try:
        content = verify_file(destination.open, name, file, limits, doubtful=doubtful)
    except (VerifyFault, OSError):
        return None
    came_so = doubtful or content.proof & (Proof.CONTAINER | Proof.CHECKSUM)
    if content.bad_records and not came_so:
        return None
    return content if file.size in {None, content.size} else None
