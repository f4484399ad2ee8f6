"""``backhaul doctor`` asks the scheduler and each worker what a run would ask."""

from pathlib import Path

import pytest
import yaml
from tests.core.transfer.cluster.fetched import document
from tests.dask_cluster import DaskCluster

from backhaul.transfer.cluster.requirements import Probe, Requirements, this_version
from backhaul_doctor.examine import examine
from backhaul_doctor.finding import Finding, State


def findings(config: Path, address: str, dest: Path) -> list[Finding]:
    found = document("http://127.0.0.1:9", dest, None, count=1)
    found["settings"]["cluster"] = address
    config.write_text(yaml.safe_dump(found))
    return [each for each in examine([config]) if each.check == "cluster"]


@pytest.mark.usefixtures("installed")
def test_a_scheduler_that_does_not_answer_fails(tmp_path: Path) -> None:
    (found,) = findings(tmp_path / "a.yaml", "tcp://127.0.0.1:9", tmp_path / "a")
    assert (found.state, found.exit_code) == (State.FAILED, 6)
    assert "no Dask scheduler responds at tcp://127.0.0.1:9" in found.message


def test_workers_that_can_be_used_are_counted(cluster: DaskCluster, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (found,) = findings(tmp_path / "a.yaml", cluster.address, tmp_path / "a")
    while found.message == "has no worker":  # they are starting
        (found,) = findings(tmp_path / "a.yaml", cluster.address, tmp_path / "a")
    assert (found.state, found.subject) == (State.OK, cluster.address)
    assert found.message.endswith(" can be used")
    assert list((tmp_path / "a").iterdir()) == []


def test_a_worker_must_see_files_that_the_driver_has_written(tmp_path: Path) -> None:
    probe = Probe(tmp_path, tmp_path / ".backhaul")
    requirements = Requirements(this_version(), probes=(probe,))
    assert requirements.unmet() == ""
    assert list((tmp_path / ".backhaul").iterdir()) == [probe.path]
    probe.path.write_text("another archive's")
    assert requirements.unmet() == f"sees another folder at {tmp_path} than this machine"
    probe.remove()
    assert requirements.unmet().startswith(
        f"does not see the archive {tmp_path}: workers need a file"
    )


def test_versions_must_be_the_same() -> None:
    assert Requirements("0.0.7").unmet() == (
        f"has backhaul {this_version()}, but this machine has 0.0.7: install the same version"
    )
    missing = Requirements(this_version(), {"no-such": "plugin 'no-such' (no-such 1)"}).unmet()
    assert missing.startswith("cannot use the provider no-such: no provider 'no-such' is installed")
