"""Why a received file cannot be kept."""

from backhaul.descriptors import ScarceError, is_scarce
from backhaul.errors import BackhaulError, FailureKind
from backhaul.oserrors import describe
from backhaul.storage.destination import BY_NAME
from backhaul.transfer.unit import Failure
from backhaul.types import Content, RemoteFile, SlotState
from backhaul.verify.fault import VerifyFault


def content_failure(error: VerifyFault | OSError | None) -> Failure:
    """Why a received file cannot be kept."""
    if isinstance(error, OSError):
        if is_scarce(error.errno):
            return scarce()
        if isinstance(error, BackhaulError):
            return Failure(kind=error.kind, message=error.message)
        # A file in place of a folder, or the other way round: the name is at fault, not the disk.
        kind = FailureKind.UNSAFE_NAME if error.errno in BY_NAME else FailureKind.DISK
        return Failure(kind=kind, message=f"cannot write: {describe(error)}")
    if error is None:
        return Failure(kind=FailureKind.CORRUPT, message="could not be verified")
    state = SlotState.FAILED if error.kind is FailureKind.NOT_DATA else SlotState.CORRUPT
    return Failure(kind=error.kind, message=error.message, state=state)


def scarce() -> Failure:
    """The failure for a temporary lack of descriptors."""
    error = ScarceError()
    return Failure(kind=error.kind, message=error.message, retry=True, fresh=True, local=True)


def size_failure(file: RemoteFile, content: Content) -> Failure | None:
    """The failure if a complete file does not have its listed size."""
    if file.size is None or file.size == content.size:
        return None
    kind = FailureKind.TRUNCATED if content.size < file.size else FailureKind.CHANGED
    message = f"size is {content.size} bytes, provider lists {file.size}"
    return Failure(kind=kind, message=message, state=SlotState.CORRUPT)
