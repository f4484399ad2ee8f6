"""A locally deleted piece of a queue: reported as such, and not blamed on the provider."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backhaul.cli.main import main
from backhaul.errors import FailureKind
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator

Say = Callable[..., tuple[int, str]]
LOST = r"\blost\b"  # the state and the kind


@pytest.fixture
def emulator() -> Iterator[DatasiftHistoricsEmulator]:
    with DatasiftHistoricsEmulator(interactions=600, step=1000) as running:
        yield running


@pytest.fixture
def config(emulator: DatasiftHistoricsEmulator, tmp_path: Path) -> Path:
    job = {
        "source": "ds",
        "id": emulator.main.id,
        "poll": "0.01s",
        "split": "8K",
        "pull_size": "16K",
    }
    text = {
        "version": 1,
        "settings": {"dest": "archive", "min_free_space": 0},
        "sources": {"ds": emulator.source()},
        "jobs": {"fog": job},
    }
    path = tmp_path / "fog.yaml"
    path.write_text(json.dumps(text))
    return path


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """A command's exit code and output."""

    def run(*words: object) -> tuple[int, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def lost(config: Path, say: Say) -> Path:
    """A drained queue with a deleted piece."""
    code, _ = say("run", config, "--wait", "20s")
    assert code == 0
    piece = min((config.parent / "archive/fog").glob("*-*.jsonl.gz"))
    piece.rename(piece.with_suffix(".kept"))
    return piece


def failures(text: str) -> list[Any]:
    (job,) = json.loads(text)["jobs"]
    return [(each["file"], each["kind"]) for each in job["failures"]]


def test_gaps_reports_a_lost_piece_before_any_run_has_noticed(
    config: Path, lost: Path, say: Say
) -> None:
    _, text = say("gaps", config)

    assert re.search(rf"{LOST}.*{re.escape(lost.name)}", text)


def test_the_summary_reports_it_with_useful_advice(config: Path, lost: Path, say: Say) -> None:
    code, text = say("run", config)

    assert code == 3
    assert re.search(rf"{re.escape(lost.name)}.*{LOST}", text)
    assert FailureKind.LOST.advice in text
    assert FailureKind.NOT_FOUND.advice not in text


@pytest.mark.usefixtures("lost")
def test_status_reports_it(config: Path, say: Say) -> None:
    say("run", config)

    _, text = say("status", config, "--offline")
    _, as_json = say("status", config, "--offline", "--json")

    assert "missing" not in text
    assert json.loads(as_json)["jobs"][0]["here"]["lost"] == 1


def test_gaps_reports_it_after_a_run(config: Path, lost: Path, say: Say) -> None:
    say("run", config)

    _, text = say("gaps", config)

    assert re.search(rf"{LOST}.*{re.escape(lost.name)}", text)


def test_verify_reports_it_every_time(config: Path, lost: Path, say: Say) -> None:
    for _ in range(2):
        code, text = say("verify", config)

        assert code == 8
        assert re.search(rf"{re.escape(lost.name)}.*{LOST}", text)


def test_nothing_is_requested_from_the_queue_again(
    config: Path, lost: Path, say: Say, emulator: DatasiftHistoricsEmulator
) -> None:
    before = sum(entry.path.endswith("/pull") for entry in emulator.requests)

    say("verify", config)
    say("run", config)

    assert sum(entry.path.endswith("/pull") for entry in emulator.requests) == before
    assert not lost.exists()


@pytest.mark.parametrize("first", ["run", "verify"])
def test_a_restored_copy_completes_the_job_again(
    config: Path, lost: Path, say: Say, first: str
) -> None:
    say(first, config)
    lost.with_suffix(".kept").rename(lost)

    code, text = say("run", config, "--json")

    assert (code, failures(text)) == (0, [])


@pytest.mark.parametrize("first", ["run", "verify"])
def test_another_complete_file_is_not_a_copy_of_it(
    config: Path, lost: Path, say: Say, first: str
) -> None:
    say(first, config)
    other = max(lost.parent.glob("*-*.jsonl.gz"))
    lost.write_bytes(other.read_bytes())

    code, text = say("run", config, "--json")

    assert (code, failures(text)) == (8, [(lost.name, "corrupt")])
