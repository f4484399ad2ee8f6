"""A destination is the same however many files name it and however they spell it."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import warm
from tests.usual import usual

from backhaul.storage.lease import Lease

Run = Callable[..., Any]


@pytest.fixture
def twice(bench: Run, tmp_path: Path) -> Callable[[str], list[Path]]:
    """Two files with one job each; the second spells the first one's destination differently."""

    def write(spelt: str) -> list[Path]:
        hpt = bench(slots=6)
        other = tmp_path / "conf" / "other.yaml"
        other.parent.mkdir()
        (tmp_path / "elsewhere").symlink_to(hpt.archive)
        (only,) = hpt.document["jobs"].values()
        text = hpt.document | {"jobs": {"again": only}, "settings": {"dest": spelt}}
        other.write_text(json.dumps(text))
        return [hpt.path, other]

    return write


@pytest.mark.parametrize(
    "spelt", usual(["../archive", "../elsewhere", "../conf/../archive/"], "../elsewhere")
)
def test_two_spellings_of_a_destination_are_one_for_every_command(
    backhaul: Run,
    twice: Callable[[str], list[Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spelt: str,
) -> None:
    monkeypatch.chdir(tmp_path)  # reports are written to the current folder
    paths = twice(spelt)

    ended = backhaul("run", *paths, "--json")

    assert ended.code == 0
    assert [job["state"] for job in ended.json["jobs"]] == ["complete", "complete"]
    assert len(list(tmp_path.rglob("ledger.sqlite"))) == 1
    assert len(backhaul("plan", *paths, "--json").json["disks"]) == 1
    assert {job["files"] for job in backhaul("plan", *paths, "--json").json["jobs"]} == {0}
    for words in (["gaps"], ["files"], ["report", "-o", tmp_path / "report.html"]):
        assert backhaul(*words, *paths).code == 0


def test_another_process_with_another_spelling_finds_the_job_locked(
    bench: Run, tmp_path: Path
) -> None:
    hpt = bench(slots=3)
    hpt.archive.mkdir()
    (tmp_path / "link").symlink_to(hpt.archive)
    lease = Lease(hpt.archive / ".backhaul", "worldcup")
    hpt.write(settings__dest="link")

    ended = warm.run(
        [sys.executable, "-m", "backhaul", "run", str(hpt.path)], check=False, capture_output=True
    )

    lease.release()
    assert ended.returncode == 11


def test_an_archive_can_be_moved_and_reached_by_a_link(
    backhaul: Run, bench: Run, tmp_path: Path
) -> None:
    hpt = bench(slots=6)
    backhaul("run", hpt.path)
    before = hpt.file_requests()
    shutil.move(hpt.archive, tmp_path / "moved")
    hpt.archive.symlink_to(tmp_path / "moved")

    ended = backhaul("run", hpt.path, "--json")

    assert (ended.code, hpt.file_requests()) == (0, before)
