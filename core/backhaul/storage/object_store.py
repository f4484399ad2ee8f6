"""An object store as a destination; needs the extra ``stores``."""

from backhaul.errors import ConfigError
from backhaul.storage.destination import StoreDestination
from backhaul.storage.location import Location
from backhaul.storage.workspace import Workspace


def open_store(dest: Location, job: str, workspace: Workspace | None) -> StoreDestination:
    """Opens a job's prefix of an object store.

    Args:
        dest: the archive.
        job: the job's name.
        workspace: where the parts are that are published; None to read only.

    Raises:
        ConfigError: obstore is not installed.
        StoreError: the store cannot be used.
    """
    raise ConfigError(f"{dest}/{job}: object stores are not supported yet ({workspace})")
