"""The manifest of a real run against an emulator."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from backhaul.cli.main import main
from backhaul.testing.serve import emulator


def test_a_run_writes_the_manifest_without_links_and_a_second_run_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with emulator("gnip-hpt") as running:
        jobs = {name: {"source": "s", **keys} for name, keys in running.jobs().items()}
        config = {
            "version": 1,
            "settings": {"dest": str(tmp_path / "archive")},
            "sources": {"s": running.source()},
            "jobs": jobs,
        }
        path = tmp_path / "backhaul.yaml"
        path.write_text(yaml.safe_dump(config))
        name = next(iter(jobs))
        run = ["run", str(path), "--job", name, "--json", "-q"]
        assert main(run) == 0
        verified = json.loads(capsys.readouterr().out)["jobs"][0]["files"]["verified"]
        folder = tmp_path / "archive" / name
        manifest = (folder / "MANIFEST.jsonl").read_text()
        inode = (folder / "MANIFEST.jsonl").stat().st_ino
        assert main(run) == 0
    assert (folder / "MANIFEST.jsonl").stat().st_ino == inode
    entries = [json.loads(line) for line in manifest.splitlines()]
    assert sum(entry["state"] == "verified" for entry in entries) == verified > 0
    for text in (manifest, (folder / "datapackage.json").read_text()):
        assert "Signature" not in text
        assert "AWSAccessKeyId" not in text
        assert running.source()["password"] not in text
    checked = subprocess.run(
        ["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=False
    )
    assert checked.returncode == 0
