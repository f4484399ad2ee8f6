"""``status``, ``files``, ``gaps`` and ``verify``: typed results, which are also the command line's JSON."""

import json
import pickle
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests import warm

import backhaul
from backhaul.errors import ConfigError, ExitCode


@pytest.fixture
def config(served: Any, tmp_path: Path) -> Iterator[Path]:
    """A configuration whose jobs have run once; a file of one of them fails."""
    path = tmp_path / "backhaul.yaml"
    given = served(slots=12, faults="not_found:all@*_00_10_*")
    path.write_text(json.dumps(given, default=str))
    backhaul.load(path).run()
    return path


def command_json(config: Path, *words: str) -> Any:
    line = [sys.executable, "-m", "backhaul", *words, str(config), "--json"]
    done = warm.run(line, check=False, capture_output=True)
    return json.loads(done.stdout)


def test_each_result_is_the_json_of_its_command(config: Path) -> None:
    archive = backhaul.load(config)
    [job] = archive.jobs

    files = [file.as_json() for file in archive.files()]
    gaps = [gap.as_json() for gap in archive.gaps()]
    status = archive.status().as_json()
    there = command_json(config, "status")
    for each in (status, there):
        each["jobs"][0]["at_provider"].pop("asked_at")

    assert files
    assert gaps
    assert files == command_json(config, "files")["jobs"][0]["files"]
    assert gaps == command_json(config, "gaps")["jobs"][0]["slots"]
    assert status == there
    assert archive.verify([job]).as_json() == command_json(config, "verify")
    assert archive.verify().exit_code == ExitCode.OK


def test_results_are_typed_frozen_and_can_be_pickled(config: Path) -> None:
    archive = backhaul.load(config)
    files, gaps = list(archive.files()), list(archive.gaps())
    results = [*files, *gaps, archive.status(), archive.verify(), archive.plan()]

    assert pickle.loads(pickle.dumps(results)) == results
    for each in results:
        with pytest.raises(AttributeError):
            setattr(each, fields(each)[0].name, "other")
    assert all(isinstance(gap.start, datetime) and gap.start.tzinfo is UTC for gap in gaps)


def test_files_are_selected_by_state(config: Path) -> None:
    archive = backhaul.load(config)

    [missing] = archive.files(states=[backhaul.SlotState.MISSING])

    assert missing.kind == "not_found"
    assert [file.file for file in archive.files(states="missing")] == [missing.file]
    with pytest.raises(ValueError, match="other"):
        list(archive.files(states=["other"]))
    with pytest.raises(ConfigError, match="no such job"):
        list(archive.files("other"))


def test_broken_files_are_found_and_fetched_again(config: Path, tmp_path: Path) -> None:
    archive = backhaul.load(config)
    first = next(archive.files(states="verified"))
    path = tmp_path / "archive" / first.job / first.file
    path.write_bytes(path.read_bytes()[:-1])
    checked: list[Any] = []

    verification = archive.verify(on_job=checked.append)

    assert verification.exit_code == ExitCode.VERIFICATION
    assert [problem.file for job in checked for problem in job.problems] == [first.file]
    assert tuple(checked) == verification.jobs
    archive.run()
    assert archive.verify().exit_code == ExitCode.OK


def test_a_provider_that_refuses_is_in_the_status(config: Path) -> None:
    given = json.loads(config.read_text())
    given["sources"]["account"]["password"] = "wrong"

    status = backhaul.load(given).status()

    [job] = status.jobs
    assert status.exit_code == ExitCode.AUTH
    assert job.error is not None
    assert job.refused == replace(job.error, at=job.refused.at)
    assert list(job.as_json()["refused"]) == ["at", "kind", "message"]
    assert job.at_provider is not None  # its last answer
    assert job.here.states[backhaul.SlotState.VERIFIED] > 0


def test_offline_contacts_no_provider(config: Path) -> None:
    given = json.loads(config.read_text())
    given["sources"]["account"]["base_url"] = "http://127.0.0.1:9"
    given["sources"]["account"]["password"] = "${NEVER_SET_ANYWHERE}"
    archive = backhaul.load(given, offline=True)

    status = archive.status()

    assert status.exit_code == 0
    assert status.jobs[0].at_provider is not None
    assert list(archive.files())
    assert archive.verify().exit_code == 0


def test_a_ledger_that_is_gone_is_rebuilt_from_the_files(config: Path, tmp_path: Path) -> None:
    before = {file.file: file.sha256 for file in backhaul.load(config).files(states="verified")}
    for ledger in (tmp_path / "archive" / ".backhaul").glob("ledger*"):
        ledger.unlink()

    archive = backhaul.load(config)
    archive.rebuild()

    assert {file.file: file.sha256 for file in archive.files()} == before
