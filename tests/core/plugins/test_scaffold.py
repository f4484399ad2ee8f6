"""A new plugin passes unchanged, and the contract detects what authors get wrong."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import warm
from tests.usual import usual

from backhaul.errors import ConfigError, DiskError, PluginError
from backhaul.plugins.scaffold import write_scaffold
from backhaul.plugins.selftest import run_contract

ROOT = Path(__file__).parents[3]
Check = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A scaffold, laid out as if installed."""
    target = tmp_path / "plugin"
    write_scaffold("acme-archive", target)
    project = tomllib.loads((target / "pyproject.toml").read_text())["project"]
    info = target / "backhaul_acme_archive-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return target


@pytest.fixture
def check(plugin: Path) -> Check:
    """Runs the contract on the plugin in a subprocess."""

    def run(
        *arguments: str, start: Callable[..., Any] = warm.run
    ) -> subprocess.CompletedProcess[str]:
        program = (
            "import sys; from backhaul.plugins.selftest import run_contract;"
            "from backhaul.testing import ProviderContract; from tests import warm;"
            "ProviderContract.start = staticmethod(warm.run);"
            "sys.exit(run_contract('acme-archive', sys.argv[1:]))"
        )
        return start(
            [sys.executable, "-c", program, *arguments],
            env={**os.environ, "PYTHONPATH": f"{plugin}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.matrix
def test_a_new_plugin_passes_the_contract(check: Check) -> None:
    done = check("-k", "not fault")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 passed" in done.stdout


@pytest.mark.parametrize(
    ("before", "after", "fails"),
    usual([
        ('entry["name"]', '"../" + entry["name"]', "test_names_are_unique_and_stay_inside"),
        pytest.param('RemoteFile(entry["name"]', 'RemoteFile("same"', "test_names_are_unique_and_stay_inside", marks=pytest.mark.slow),
        pytest.param('entry["name"]', 'entry["name"] + str(id(object()))', "test_resolving_twice_agrees", marks=pytest.mark.slow),
        ('size=entry["size"]', 'size=entry["size"] + 1', "test_every_file_can_be_fetched"),
        pytest.param("token: Secret", "token: str", "test_secrets_are_never_printed", marks=pytest.mark.slow),
        pytest.param('size=entry["size"]', "meta={'x': object()}", "meta cannot be kept as JSON", marks=pytest.mark.slow),
        pytest.param('["url"]', '["url"] + "x"', "test_every_file_can_be_fetched", marks=pytest.mark.slow),
        pytest.param("job: Job) ->", "job: Job = None) ->", "the argument 'job' must not have a default", marks=pytest.mark.slow),
    ], 'entry["name"]'),
)  # fmt: skip
def test_the_contract_detects_a_broken_plugin(
    plugin: Path, check: Check, before: str, after: str, fails: str
) -> None:
    module = plugin / "backhaul_acme_archive/__init__.py"
    code = module.read_text()
    assert before in code
    module.write_text(code.replace(before, after))
    if before == "token: Secret":
        module.write_text(module.read_text().replace("    Secret,\n", ""))
    done = check("-k", fails) if fails.startswith("test_") else check()
    assert done.returncode != 0
    assert fails in done.stdout + done.stderr
    assert "passed" not in done.stdout


@pytest.mark.parametrize(
    ("file", "before", "after", "cause"),
    usual([
        ("__init__", 'size=entry["size"]', 'size="big"', r"__init__.py:\d+: RemoteFile.size of '2020-01-01.* not 'big'"),
        ("__init__", 'size=entry["size"]', "size=1", "01.jsonl.gz: listed as 1 bytes, and has "),
        ("__init__", 'entry["name"]', '"../" + entry["name"]', "unsafe names: '../2020-01-01"),
        ("__init__", 'RemoteFile(entry["name"]', 'RemoteFile("same"', "not unique: same"),
        ("__init__", 'entry["size"]', "id(object())", "listed as|size differ when resolved again"),
        ("emulator", '"token": ACCEPTED', '"tokn": ACCEPTED', 'missing key "token"; .* key "tokn"'),
        ("emulator", '"token": ACCEPTED', '"token": "other"', "401 Unauthorized"),
        ("emulator", "from werkzeug", "from wrkzeug", "emulator cannot be loaded: ModuleNotFound"),
        ("emulator", "import Request,", "import Request as Req,", "emulator cannot .* NameError"),
        ("emulator", '{"demo": {"dataset"', '{"demo": {"set"', 'unknown key .*"set"'),
        ("emulator", 'return {"demo": {"dataset": "demo"}}', "return {}", r"emulator.s jobs\(\)"),
    ], "__init__"),
)  # fmt: skip
def test_the_contract_stops_at_the_first_basic_failure_with_a_one_line_cause(
    plugin: Path, check: Check, *, file: str, before: str, after: str, cause: str
) -> None:
    module = plugin / f"backhaul_acme_archive/{file}.py"
    code = module.read_text()
    assert before in code
    module.write_text(code.replace(before, after))
    done = check()
    assert done.stdout == ""  # pytest was not started
    assert re.search(rf"contract of 'acme-archive': .*(?:{cause}).*$", done.stderr.strip()), (
        done.stderr
    )


@pytest.mark.matrix
def test_a_dozen_files_with_checksums_are_tested_in_seconds(plugin: Path, check: Check) -> None:
    for file, changes in {
        "__init__": {
            'size=entry["size"]': 'size=entry["size"], checksum=entry.get("sum"),'
            ' checksum_url=entry.get("sums")'
        },
        "emulator": {
            "days: int = 5": "days: int = 12",
            "self.storage.put(name, data)": "self.storage.put(name, data)\n"
            "            sums = f'{hashlib.sha256(data).hexdigest()}  {name}'.encode()\n"
            "            self.storage.put(name + '.sha256', sums)\n"
            "            self.sums[name] = 'md5:' + hashlib.md5(data).hexdigest()",
            "self.sizes: ": "self.sums: dict[str, str] = {}\n        self.sizes: ",
            '"size": size}': '"size": size, **({"sum": self.sums[name]} if "-1" in name[7:] else'
            ' {"sums": self.storage.link(name + ".sha256")})}',
            "import gzip": "import gzip\nimport hashlib",
        },
    }.items():
        module = plugin / f"backhaul_acme_archive/{file}.py"
        for before, after in changes.items():
            assert before in module.read_text()
            module.write_text(module.read_text().replace(before, after))
    began = os.times()
    done = check(start=subprocess.run)  # a child, whose time is known
    assert done.returncode == 0, done.stdout + done.stderr
    assert "19 passed" in done.stdout
    ended = os.times()
    # 30 s on an idle machine; under load, CPU time is the better measure.
    spent = ended.children_user + ended.children_system
    assert spent - began.children_user - began.children_system < 15


def test_the_written_plugin_passes_ruff(plugin: Path) -> None:
    ruff = [sys.executable, "-m", "ruff"]
    for words in (["check", "--no-cache"], ["format", "--no-cache", "--check"]):
        done = subprocess.run(
            [*ruff, *words, "."], cwd=plugin, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_written_plugin_passes_mypy(plugin: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "backhaul_acme_archive"]
    done = subprocess.run(command, cwd=plugin, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_provider_is_about_thirty_lines(plugin: Path) -> None:
    code = (plugin / "backhaul_acme_archive/__init__.py").read_text()
    assert sum(1 for line in code.splitlines() if line.strip()) <= 40


@pytest.mark.parametrize(
    "name",
    ["", "Acme", "1st", "a_b", "a--b", "-a", "a-", "a b", "../x", "class", "ä", "x" * 41, "a\n"],
)
def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be a provider's name"):
        write_scaffold(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        write_scaffold("acme", tmp_path)
    with pytest.raises(ConfigError, match="is a file"):
        write_scaffold("acme", tmp_path / "mine.txt")


def test_a_folder_that_cannot_be_written_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="file"):
        write_scaffold("acme", tmp_path / "file" / "below")


def test_an_unknown_provider_cannot_be_tested() -> None:
    with pytest.raises(PluginError, match="no provider 'gnip-htp' is installed; did you mean"):
        run_contract("gnip-htp")


def test_a_provider_without_an_emulator_cannot_be_tested(plugin: Path, check: Check) -> None:
    entries = plugin / "backhaul_acme_archive-0.1.0.dist-info/entry_points.txt"
    entries.write_text(entries.read_text().partition("[backhaul.emulators]")[0])
    done = check()
    assert "the provider 'acme-archive' has no emulator: name one in its pyproject" in done.stderr


def test_a_new_provider_works_from_yaml_without_changes_to_core(
    plugin: Path, tmp_path: Path
) -> None:
    program = tmp_path / "fifth.py"
    program.write_text(
        "import sys, yaml\n"
        "from pathlib import Path\n"
        "from backhaul.cli.main import main\n"
        "from backhaul_acme_archive.emulator import AcmeArchiveEmulator\n"
        "with AcmeArchiveEmulator() as emulator:\n"
        "    source = emulator.source()\n"
        "    jobs = {'demo': {'source': 'fifth', 'dataset': 'demo'}}\n"
        "    config = {'version': 1, 'settings': {'dest': 'here'}, 'sources': {'fifth': source}, 'jobs': jobs}\n"
        "    Path('fifth.yaml').write_text(yaml.safe_dump(config))\n"
        "    code = main(['run', 'fifth.yaml'])\n"
        "sys.exit(code)\n"
    )
    done = warm.run(
        [sys.executable, "-c", program.read_text()],
        env={**os.environ, "PYTHONPATH": str(plugin)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in (tmp_path / "here" / "demo").glob("*.jsonl.gz"))
    assert files == [f"2020-01-0{day}.jsonl.gz" for day in range(1, 6)]
    assert "token" in yaml.safe_load((tmp_path / "fifth.yaml").read_text())["sources"]["fifth"]
