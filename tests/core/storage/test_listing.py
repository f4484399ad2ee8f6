"""The contents of a job's folder, seen by several threads at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from backhaul.storage.folder import JobFolder


def test_threads_that_list_the_same_folder_all_see_every_file(tmp_path: Path) -> None:
    names = {f"below/{number}" for number in range(300)}
    (tmp_path / "below").mkdir()
    for name in names:
        (tmp_path / name).touch()
    with closing(JobFolder(tmp_path)) as folder, ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda _: set(folder.beside("below/a")), range(100)))
    assert all(each == names for each in seen)
