"""A ledger rebuilt from the volumes of a queue: nothing is duplicated, no false claims."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backhaul.cli.main import main
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator


@dataclass(frozen=True)
class Archive:
    emulator: DatasiftHistoricsEmulator
    config: Path
    capsys: pytest.CaptureFixture[str]

    def call(self, *words: object) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = main([str(word) for word in (words[0], self.config, *words[1:])])
        out, err = self.capsys.readouterr()
        return code, out, err

    def run(self, *words: object) -> tuple[int, dict[str, Any]]:
        code, out, _ = self.call("run", "--json", *words)
        (job,) = json.loads(out)["jobs"]
        return code, job

    def pulls(self) -> int:
        return sum(entry.path.endswith("/pull") for entry in self.emulator.requests)

    def volumes(self) -> dict[str, bytes]:
        folder = self.config.parent / "archive/fog"
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*-*.jsonl.gz"))}

    def lose_the_ledger(self) -> None:
        for path in (self.config.parent / "archive/.backhaul").glob("ledger.sqlite*"):
            path.unlink()


@pytest.fixture
def drained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Archive]:
    """A completely drained query, in several volumes."""
    with DatasiftHistoricsEmulator(interactions=600, step=1000) as emulator:
        keys = {"id": emulator.main.id, "poll": "0.01s", "split": "2K", "pull_size": "16K"}
        text = {
            "version": 1,
            "settings": {"dest": "archive", "min_free_space": 0},
            "sources": {"ds": emulator.source()},
            "jobs": {"fog": {"source": "ds", **keys}},
        }
        path = tmp_path / "fog.yaml"
        path.write_text(json.dumps(text))
        archive = Archive(emulator, path, capsys)
        code, job = archive.run("--wait", "20s")
        assert (code, job["records"]) == (0, 600)
        assert len(archive.volumes()) > 2
        yield archive


Rebuild = Callable[[Archive], None]


def by_verify(archive: Archive) -> None:
    assert archive.call("verify", "--rebuild")[0] == 0


def by_the_run(archive: Archive) -> None:
    del archive


def test_rebuild_reports_what_it_cannot_restore(drained: Archive) -> None:
    drained.lose_the_ledger()

    code, _, err = drained.call("verify", "--rebuild")

    assert code == 0
    assert f"{len(drained.volumes())} files look like volumes of a queue" in err
    assert "whose position is no longer known" in err
    assert "its slots, totals and times are not stored in the files" in err


def test_after_rebuild_nothing_is_claimed_before_a_run(drained: Archive) -> None:
    drained.lose_the_ledger()
    by_verify(drained)

    gaps, status = drained.call("gaps")[1], drained.call("status", "--offline")[1]

    assert "the provider's list is not complete yet" in gaps
    assert "provider: not contacted yet" in status


@pytest.mark.parametrize("rebuild", [by_verify, by_the_run])
def test_all_pieces_are_complete_by_the_providers_count_and_none_is_fetched_again(
    drained: Archive, rebuild: Rebuild
) -> None:
    before, pulls = drained.volumes(), drained.pulls()
    drained.lose_the_ledger()
    rebuild(drained)

    for _ in range(2):
        code, job = drained.run()
        assert (code, job["state"], job["records"]) == (0, "complete", 600)

    assert drained.pulls() == pulls
    assert drained.volumes() == before
    assert {slot["state"] for slot in _slots(drained)} <= {"silent"}


@pytest.mark.parametrize("rebuild", [by_verify, by_the_run])
def test_with_a_missing_piece_nothing_is_fetched_and_nothing_is_claimed(
    drained: Archive, rebuild: Rebuild
) -> None:
    folder, pulls = drained.config.parent / "archive/fog", drained.pulls()
    (folder / min(drained.volumes())).unlink()
    before = drained.volumes()
    drained.lose_the_ledger()
    rebuild(drained)

    for _ in range(2):
        code, job = drained.run()
        assert (code, job["state"]) == (3, "partial")
        (failure,) = job["failures"]
        assert failure["kind"] == "lost"
        assert "600" in failure["message"]

    assert drained.pulls() == pulls
    assert drained.volumes() == before


def _slots(archive: Archive) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(archive.call("gaps", "--json")[1])["jobs"][0]["slots"]
    return found
