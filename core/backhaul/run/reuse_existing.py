"""Adopts a file that is on disk but not in the ledger: verifies it instead of fetching it."""

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from backhaul.archive.reading import verify_file
from backhaul.http.unused import UnusedHttp
from backhaul.storage.destination import Destination
from backhaul.transfer.unit import Transfer, checksum_transfer
from backhaul.types import Content, Proof, RemoteFile
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.contents import PROVABLE
from backhaul.verify.fault import VerifyFault
from backhaul.verify.sums import find_checksum

if TYPE_CHECKING:
    from backhaul.http.session import Http  # importing requests is slow


def adoptable(
    destination: Destination,
    name: str,
    file: RemoteFile,
    limits: ContentLimits,
    *,
    doubtful: bool = False,
) -> Content | None:
    """The verifier's result for a file on disk; None if it is not whole and must be fetched.

    A file with bad records is not whole either, unless it is known to have arrived that way.
    """
    try:
        content = verify_file(destination.open, name, file, limits, doubtful=doubtful)
    except (VerifyFault, OSError):
        return None
    came_so = doubtful or content.proof & (Proof.CONTAINER | Proof.CHECKSUM)
    if content.bad_records and not came_so:
        return None
    return content if file.size in {None, content.size} else None


def needs_checksum(file: RemoteFile) -> bool:
    """Whether only the checksum file could prove a file on disk."""
    if file.content in PROVABLE or file.size is not None or file.checksum is not None:
        return False
    return file.checksum_url is not None


def checksum_beside(http: "Http | UnusedHttp", transfer: Transfer) -> str | None:
    """The checksum from a file's checksum file, fetched at the API's pace.

    None if there is none, or if the plugin's hooks take no session.

    Raises BackhaulError, and ValueError if it is not a checksum file.
    """
    beside = checksum_transfer(transfer)
    if beside is None or isinstance(http, UnusedHttp):
        return None
    asked = beside.request
    answer = http.get(asked.url, headers=asked.headers, auth=asked.auth)
    names = {transfer.file.name, unquote(urlsplit(transfer.request.url).path)}
    return find_checksum(answer.content, {name.rpartition("/")[2] for name in names})
