"""The ledger state of a complete file."""

from backhaul.types import Content, RemoteFile, SlotState
from backhaul.verify.fault import bad_records

# Plain strings: SQLite would look up an adapter for enums.
_VERIFIED, _SUSPECT = SlotState.VERIFIED.value, SlotState.SUSPECT.value


def standing(file: RemoteFile, content: Content) -> tuple[str, str | None]:
    """The file's state and, if some of its records are not JSON, a message."""
    if content.bad_records:
        return _SUSPECT, bad_records(content)
    return _SUSPECT if file.suspect else _VERIFIED, None
