"""Permissions of published files follow the umask, which is read without changing it."""

import os
import stat
import sys
from pathlib import Path
from types import FrameType

import pytest
from tests import warm

from backhaul.errors import LockedError
from backhaul.storage.folder import JobFolder
from backhaul.storage.job import take_lease
from backhaul.storage.location import Location

PUBLISH = """
import os, sys
from pathlib import Path
from types import FrameType
os.umask(int(sys.argv[2], 8))
from backhaul.storage.destination import Staged
from backhaul.storage.folder import JobFolder
folder = JobFolder(Path(sys.argv[1]), durable=False)
folder.write_part("a", b"x")
os.close(folder.open_part("left"))
folder.write_part("left", b"x")
os.close(folder.open_part("large"))
folder.publish([Staged("a"), Staged("left"), Staged("large", opened=True)])
"""


@pytest.mark.parametrize(("umask", "mode"), [("022", 0o644), ("077", 0o600), ("002", 0o664)])
def test_a_published_file_has_the_mode_that_the_umask_leaves(
    tmp_path: Path, umask: str, mode: int
) -> None:
    warm.run([sys.executable, "-c", PUBLISH, str(tmp_path), umask], check=True)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"a": mode, "left": mode, "large": mode}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is read once, by setting it")
def test_opening_a_folder_never_changes_the_umask_that_other_threads_use(tmp_path: Path) -> None:
    called: list[object] = []

    def note(_: FrameType, event: str, what: object) -> None:
        if event == "c_call":
            called.append(what)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        JobFolder(tmp_path / "job", durable=False).close()
    finally:
        sys.setprofile(before)

    assert os.close in called
    assert os.umask not in called


def test_a_leased_folder_is_locked_for_all_runs(tmp_path: Path) -> None:
    dest = Location.of_folder(tmp_path)
    folder = JobFolder(tmp_path / "job")
    lease = folder.lease()
    with pytest.raises(LockedError):
        take_lease(dest, "job")
    lease.release()
    take_lease(dest, "job").release()
    folder.clean()
    folder.close()
