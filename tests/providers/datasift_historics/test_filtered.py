"""A queue is drained as a whole or not at all: filters are refused."""

import json
from pathlib import Path

import pytest
import yaml

from backhaul.cli.main import main
from backhaul_datasift_historics.emulator import DatasiftHistoricsEmulator


@pytest.mark.parametrize("name", ["run", "plan"])
@pytest.mark.parametrize("filters", [("--since", "2012-01-01"), ("--include", "*")])
def test_selecting_part_of_a_queue_is_refused_before_any_request(
    name: str, filters: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with DatasiftHistoricsEmulator(interactions=500) as running:
        path = tmp_path / "fog.yaml"
        (job, keys), *_ = running.jobs().items()
        document = {
            "version": 1,
            "settings": {"dest": "archive"},
            "sources": {"ds": running.source()},
            "jobs": {job: {"source": "ds", **keys}},
        }
        path.write_text(yaml.safe_dump(document))

        code = main([name, str(path), *filters, "--json"])

        out, err = capsys.readouterr()
        assert (code, json.loads(out)["exit_code"]) == (2, 2)
        assert "this job is a queue" in err
        assert "--job" in err
        assert list(running.requests) == []
        assert main(["run", str(path)]) == 0
