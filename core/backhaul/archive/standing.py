"""How a file that is whole is entered in the ledger."""

from backhaul.types import Content, RemoteFile, SlotState
from backhaul.verify.fault import bad_records

# Plain texts: SQLite would look for an adapter for each enum.
_VERIFIED, _SUSPECT = SlotState.VERIFIED.value, SlotState.SUSPECT.value


def standing(file: RemoteFile, content: Content) -> tuple[str, str | None]:
    """Its state, and what is to be said of it: some of its records are not JSON."""
    if content.bad_records:
        return _SUSPECT, bad_records(content)
    return _SUSPECT if file.suspect else _VERIFIED, None
