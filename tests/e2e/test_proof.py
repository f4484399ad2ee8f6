"""Proofs in the ledger, the manifest and ``files``; files without proof."""

import json
from pathlib import Path

import pytest
from tests.core.config.dump import dump
from tests.core.transfer.scripted import reply, scripted
from tests.listed import listing
from tests.one_job import one_job
from tests.safety.command import call, run, write_config

from backhaul import RemoteFile
from backhaul.config import load_many
from backhaul.plugins.discovery import Plugins
from backhaul.run.prepare import select_jobs
from backhaul_gnip_hpt.emulator import GnipHptEmulator


def proofs(dest: Path) -> dict[str, list[str]]:
    lines = (dest / "job/MANIFEST.jsonl").read_text().splitlines()
    return {line["file"]: line["proof"] for line in map(json.loads, lines) if line["size"]}


@pytest.mark.parametrize("accept", [False, True])
def test_a_file_without_proof_is_kept_only_on_request(tmp_path: Path, *, accept: bool) -> None:
    with scripted(lambda _: reply(b'{"id": 1}\n', length=-1)) as server:
        provider = listing(
            RemoteFile("a.bin", f"{server.url}/a", content="bytes"),
            RemoteFile("a.jsonl", f"{server.url}/a", content="jsonl"),
        )
        result = one_job(provider, tmp_path, accept_unproven=accept).run()
        again = one_job(provider, tmp_path, accept_unproven=accept).run()
    assert (result.exit_code, again.exit_code) == ((0, 0) if accept else (8, 8))
    assert proofs(tmp_path) == ({"a.bin": [], "a.jsonl": ["records"]} if accept else {})
    assert (tmp_path / "job/a.bin").exists() is accept
    if accept:
        assert again.jobs[0].files.skipped == 2


def test_a_file_that_is_found_is_proven_by_its_listing(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job/a.bin").write_bytes(b"four")
    with scripted(lambda _: reply(b"four")) as server:
        provider = listing(RemoteFile("a.bin", f"{server.url}/a", content="bytes", size=4))
        assert one_job(provider, tmp_path).run().exit_code == 0
        assert server.asked == []
    assert proofs(tmp_path) == {"a.bin": ["listed-size"]}


def test_files_shows_the_proof_of_each_and_keeps_it_while_a_file_is_damaged(
    tmp_path: Path,
) -> None:
    with GnipHptEmulator(slots=1, silent=0.0) as emulator:
        config = write_config(tmp_path, emulator)
        assert run(config).code == 0
        shown = call("files", config, "--json").job["files"][0]
        path = tmp_path / "archive/worldcup" / shown["file"]
        data = path.read_bytes()
        path.write_bytes(b"damaged")
        assert call("verify", config).code == 8
        (away,) = call("files", config, "--json").job["files"]
        path.write_bytes(data)
        assert run(config).job["files"]["skipped"] == 1
        (back,) = call("files", config, "--json").job["files"]
    assert set(shown["proof"]) >= {"length", "container", "records", "footer"}
    assert away["proof"] == []
    assert back["proof"] == shown["proof"]


YAML = """
version: 1
sources:
  strict: &gnip {provider: gnip-hpt, account: a, username: u, password: p}
  lax: {<<: *gnip, accept_unproven: true}
jobs:
  one: {source: strict, id: "1"}
  two: {source: lax, id: "2"}
  three: {source: strict, id: "3", accept_unproven: true}
  four: {source: lax, id: "4", accept_unproven: false}
"""


def accepting(path: Path) -> dict[str, bool]:
    (config,) = load_many([path], providers=lambda name: Plugins().load(name).info)
    return {spec.name: spec.accept_unproven for spec in select_jobs([config])}


def test_a_jobs_setting_overrides_its_sources(tmp_path: Path) -> None:
    path = tmp_path / "backhaul.yaml"
    path.write_text(YAML)
    wanted = {"one": False, "two": True, "three": True, "four": False}
    assert accepting(path) == wanted
    (config,) = load_many([path], providers=lambda name: Plugins().load(name).info)
    path.write_text(dump(config))
    assert accepting(path) == wanted
