"""The recipes for Airflow, Dagster and Prefect.

The shared part runs here. The rest runs with each of them in its own environment, ``NAME/bin/python`` in the folder
``BACKHAUL_ORCHESTRATORS``; ``.ci/run`` creates these environments.
"""

import base64
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from tests.docs.blocks import ROOT
from tests.docs.reader import Reader

RECIPES = ROOT / "docs" / "recipes"
FOLDER = os.environ.get("BACKHAUL_ORCHESTRATORS", "")
pytestmark = pytest.mark.timeout(180)  # seconds, also on a busy machine


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A reader in a folder with ``backhaul.yaml`` and the recipes that use it."""
    with Reader(tmp_path) as one:
        (tmp_path / "hpt.yaml").rename(tmp_path / "backhaul.yaml")
        for path in RECIPES.rglob("*.py"):
            text = path.read_text().replace("/srv/archive", str(tmp_path))
            (tmp_path / path.name).write_text(text)
        monkeypatch.setenv("PATH", one.env["PATH"])
        yield one


def imported(name: str, folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_in(name: str, code: str, folder: Path) -> Any:
    """The last line that code prints in an orchestrator's environment, parsed as JSON."""
    python = Path(FOLDER) / name / "bin" / "python"
    if not FOLDER or not python.exists():
        pytest.skip(f"BACKHAUL_ORCHESTRATORS names no folder with an environment {name}")
    home = {f"{each}_HOME": str(folder / each) for each in ("AIRFLOW", "PREFECT", "DAGSTER")}
    (folder / "DAGSTER").mkdir(exist_ok=True)
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [python, "-c", code],
        cwd=folder,
        env=os.environ
        | home
        | {
            "PATH": path,
            "DO_NOT_TRACK": "1",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        },
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_a_task_returns_the_result_and_says_whether_a_retry_may_help(reader: Reader) -> None:
    task = imported("backhaul_task", reader.folder)
    config = reader.folder / "backhaul.yaml"

    result = task.fetch(str(config), "--quiet")
    assert result["jobs"][0]["state"] == "complete"

    document = yaml.safe_load(config.read_text())
    document["sources"]["gnip"]["password"] = "wrong"
    config.write_text(yaml.safe_dump(document))
    with pytest.raises(task.AskAPersonError, match="exit code 4; worldcup: "):
        task.fetch(str(config))

    document["sources"]["gnip"]["base_url"] = "http://127.0.0.1:9"
    document["settings"] = {"retries": 0}
    config.write_text(yaml.safe_dump(document))
    with pytest.raises(task.TryAgainError, match="exit code 6"):
        task.fetch(str(config))
    config.write_text("no: configuration")
    with pytest.raises(task.AskAPersonError, match=r'exit code 2; .*missing key "sources"'):
        task.fetch(str(config))


def test_a_task_can_be_stopped(reader: Reader) -> None:
    task = imported("backhaul_task", reader.folder)

    with pytest.raises(RuntimeError, match=r"exit code (130|-2)"):
        task.fetch(str(reader.folder / "backhaul.yaml"), started=task.stop)


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("*.py")), ids=lambda path: path.name)
def test_each_script_compiles(path: Path) -> None:
    compile(path.read_text(), str(path), "exec")


def test_dagster_gets_the_counts(reader: Reader) -> None:
    """The script follows the dagster-pipes protocol, read as Dagster reads it."""
    if importlib.util.find_spec("dagster_pipes") is None:
        pytest.skip("needs dagster-pipes")
    messages = reader.folder / "messages"
    context = {"asset_keys": ["archive"], "run_id": "1", "extras": {}, "retry_number": 0}
    context |= {
        f"{each}_by_asset_key": {"archive": None} for each in ("code_version", "provenance")
    }
    context |= dict.fromkeys(("partition_key", "partition_key_range", "partition_time_window"))
    given = {"DAGSTER_PIPES_CONTEXT": {"data": context | {"job_name": "archive"}}}
    given |= {"DAGSTER_PIPES_MESSAGES": {"path": str(messages)}}
    env = {
        name: base64.b64encode(zlib.compress(json.dumps(value).encode())).decode()
        for name, value in given.items()
    }

    done = subprocess.run(
        [sys.executable, reader.folder / "fetch_archive.py", reader.folder / "backhaul.yaml"],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in messages.read_text().splitlines()]
    (metadata,) = [
        line["params"]["metadata"]
        for line in lines
        if line["method"] == "report_asset_materialization"
    ]
    assert {name: value["raw_value"] for name, value in metadata.items()} == {
        "verified": 6,
        "fetched": 6,
        "missing": 0,
    }


def test_dagster_materializes_the_asset(reader: Reader) -> None:
    code = """
import dagster, definitions, json
done = dagster.materialize([definitions.archive], resources={"pipes": dagster.PipesSubprocessClient()})
(event,) = done.get_asset_materialization_events()
print(json.dumps({k: v.value for k, v in event.materialization.metadata.items() if k == "verified"}))
"""
    assert run_in("dagster", code, reader.folder) == {"verified": 6}


def test_airflow_runs_the_operator(reader: Reader) -> None:
    code = """
import json, archive_dag
task = archive_dag.dag.task_dict["fetch"]
print(json.dumps(task.execute({})))
"""
    counts = run_in("airflow", code, reader.folder)
    assert (counts["worldcup"]["state"], counts["worldcup"]["verified"]) == ("complete", 6)


def test_airflow_does_not_retry_a_configuration_error(reader: Reader) -> None:
    (reader.folder / "backhaul.yaml").write_text("no: configuration")
    code = """
import json, archive_dag
from airflow.sdk.exceptions import AirflowFailException
try:
    archive_dag.dag.task_dict["fetch"].execute({})
except AirflowFailException as error:
    print(json.dumps(str(error)))
"""
    text = run_in("airflow", code, reader.folder)
    assert text.startswith("backhaul ended with exit code 2; ")
    assert "backhaul.yaml:1:1: " in text


def test_prefect_runs_the_flow(reader: Reader) -> None:
    code = "import json, archive_flow; print(json.dumps(archive_flow.archive()))"

    assert run_in("prefect", code, reader.folder) == {"worldcup": "complete"}


def test_a_task_is_only_retried_if_that_may_help(reader: Reader) -> None:
    (reader.folder / "backhaul.yaml").write_text("no: configuration")
    shutil.rmtree(reader.folder / "archive", ignore_errors=True)
    code = """
import json, time, archive_flow
began = time.monotonic()
try:
    archive_flow.archive()
except archive_flow.AskAPersonError as error:
    print(json.dumps([str(error), time.monotonic() - began < 120]))
"""
    text, soon = run_in("prefect", code, reader.folder)
    assert text.startswith("backhaul ended with exit code 2; ")
    assert "backhaul.yaml:1:1: " in text
    assert soon
