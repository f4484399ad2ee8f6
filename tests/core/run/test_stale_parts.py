"""Partial files: removed if the file is present, kept if it can be resumed."""

from pathlib import Path

import pytest
from tests.safety.command import run, unfinished, write_config

from backhaul.ledger.ledger import Ledger
from backhaul.names import key
from backhaul.run.stale_parts import remove_stale_parts
from backhaul.storage.destination import Staged
from backhaul.storage.folder import JobFolder
from backhaul.storage.job import JobStorage
from backhaul.types import RemoteFile, SlotState
from backhaul_gnip_hpt.emulator import GnipHptEmulator

ENDINGS = (".part", ".part.json", ".part.json.part")


@pytest.mark.parametrize("endings", [ENDINGS, ENDINGS[:1], ENDINGS[1:2], ENDINGS[2:]])
def test_the_next_run_removes_parts_next_to_a_verified_file(
    tmp_path: Path, endings: tuple[str, ...]
) -> None:
    with GnipHptEmulator(slots=4, silent=0.0) as emulator:
        config = write_config(tmp_path, emulator)
        assert run(config).code == 0
        file = min((tmp_path / "archive/worldcup").glob("*.gz"))
        before = file.read_bytes()
        for ending in endings:
            file.with_name(file.name + ending).write_bytes(b"stray")

        ran = run(config)

        assert (ran.code, ran.job["files"]["fetched"]) == (0, 0)
    assert unfinished(tmp_path / "archive") == []
    assert file.read_bytes() == before


def in_ledger(tmp_path: Path, state: SlotState, size: int) -> tuple[Ledger, int, JobFolder]:
    """A four-byte file with a part, and a ledger with this state and size for it."""
    ledger, folder = Ledger(tmp_path / ".backhaul"), JobFolder(tmp_path / "job", durable=False)
    job = ledger.jobs.open("job", source="s", provider="p")
    ledger.files.add(job, [RemoteFile("below/a.gz")])
    if state is not SlotState.PENDING:
        row = (state, size, "0" * 64, 1, None, None, None, 0, 4, job, key("below/a.gz"))
        ledger.files.save_done([row])
    folder.write_part("below/a.gz", b"file")
    folder.publish([Staged("below/a.gz")])
    folder.write_part("below/a.gz", b"part")
    folder.write_sidecar("below/a.gz", b"{}")
    return ledger, job, folder


def cleared(tmp_path: Path, state: SlotState, size: int) -> list[str]:
    ledger, job, folder = in_ledger(tmp_path, state, size)
    try:
        return remove_stale_parts(ledger, job, JobStorage(folder, folder), dict(folder.parts()))
    finally:
        folder.close()
        ledger.close()


@pytest.mark.parametrize("state", [SlotState.VERIFIED, SlotState.SUSPECT])
def test_a_part_is_removed_if_the_file_is_present(tmp_path: Path, state: SlotState) -> None:
    assert cleared(tmp_path, state, 4) == ["below/a.gz"]
    assert [path.name for path in (tmp_path / "job/below").iterdir()] == ["a.gz"]


@pytest.mark.parametrize(
    ("state", "size"),
    [(SlotState.PENDING, 4), (SlotState.CORRUPT, 4), (SlotState.VERIFIED, 5)],
)
def test_a_part_of_a_file_that_will_be_fetched_stays(
    tmp_path: Path, state: SlotState, size: int
) -> None:
    assert cleared(tmp_path, state, size) == []
    assert len(list((tmp_path / "job/below").iterdir())) == 3


def test_a_part_of_a_file_that_the_ledger_does_not_know_stays(tmp_path: Path) -> None:
    with GnipHptEmulator(slots=2, silent=0.0) as emulator:
        config = write_config(tmp_path, emulator)
        assert run(config).code == 0
        other = tmp_path / "archive/worldcup/someones.gz.part"
        other.write_bytes(b"theirs")
        assert run(config).code == 0
    assert other.read_bytes() == b"theirs"


def test_a_part_whose_name_differs_in_case_is_another_files(tmp_path: Path) -> None:
    ledger, job, folder = in_ledger(tmp_path, SlotState.VERIFIED, 4)
    try:
        assert remove_stale_parts(ledger, job, JobStorage(folder, folder), ["below/A.gz"]) == []
    finally:
        folder.close()
        ledger.close()
