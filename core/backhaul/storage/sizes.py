"""The sizes of large numbers of files of a destination."""

from typing import Final

from backhaul.storage.destination import Destination, SizeOf
from backhaul.storage.workspace import SIDECAR

_MOST: Final = 10_000  # folders whose sidecars are known


class Sizes:
    """Sizes of files by name; most files have no sidecar, and each folder is searched for sidecars only once.

    A folder's content is not reread once it has been listed.
    """

    def __init__(self, destination: Destination) -> None:
        self._size = destination.size
        self._beside = destination.beside
        self._sidecars: dict[str, frozenset[str] | None] = {}

    def __call__(self, name: str) -> int | None:
        """The size of a file; None if it does not exist. Raises OSError."""
        if name.endswith(SIDECAR):
            folder = name.rpartition("/")[0]
            if folder in self._sidecars:
                known = self._sidecars[folder]
            else:
                known = self._sidecars_in(folder, name)
            if known is not None and name not in known:
                return None
        return self._size(name)

    def _sidecars_in(self, folder: str, name: str) -> frozenset[str] | None:
        """The sidecars in a folder; None if it cannot be listed, or too many are known."""
        if len(self._sidecars) >= _MOST:
            return None
        try:
            found = frozenset(each for each in self._beside(name) if each.endswith(SIDECAR))
        except OSError:
            # For example a symbolic link, through which a single file may still be reached.
            self._sidecars[folder] = None
        else:
            self._sidecars[folder] = found
        return self._sidecars[folder]


def no_size(_name: str) -> None:
    """The size of a file in a destination that does not exist yet."""


def sizes(destination: Destination | None) -> SizeOf:
    """The sizes of the files of a destination, which may not exist yet."""
    return no_size if destination is None else Sizes(destination)
