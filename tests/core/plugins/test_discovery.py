"""Plugins as installed by pip: folders with a .dist-info, tested in a subprocess."""

import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests import warm
from tests.messages import missing_facts

from backhaul.plugins.discovery import Plugins

GOOD = """
from backhaul import JobOptions, ProviderInfo, RemoteFile, SourceOptions, hookimpl

@hookimpl
def provider():
    return ProviderInfo("Good", SourceOptions, JobOptions)

@hookimpl
def resolve_files(job):
    yield RemoteFile("a.gz", url="http://127.0.0.1/a")
"""

PROBE = """
import json, sys
from dataclasses import asdict
from backhaul.plugins.discovery import Plugins
from backhaul.errors import BackhaulError
plugins = Plugins()
loaded = sys.argv[1:]
report = {"names": plugins.names, "imported": sorted(n for n in sys.modules if n.startswith("acme"))}
for name in loaded:
    try:
        provider = plugins.load(name)
        report[name] = [file.name for file in provider.resolve_files(None, None, None)]
    except BackhaulError as error:
        report[name] = f"{int(error.exit_code)} {error}"
if not loaded:
    report["installed"] = {f"{r.name} {r.distribution}": asdict(r) for r in plugins.installed()}
print(json.dumps(report))
"""

Install = Callable[..., None]
Probe = Callable[..., dict[str, Any]]


def write_plugin(folder: Path, name: str, code: str = GOOD, *, entry: str | None = None) -> None:
    """Installs a distribution into the folder."""
    module = name.replace("-", "_")
    info = folder / f"{module}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    entry = f"{name.removeprefix('acme-')} = {module}" if entry is None else entry
    (info / "entry_points.txt").write_text(f"[backhaul.providers]\n{entry}\n")
    (folder / f"{module}.py").write_text(code)


def probe_in(folder: Path, *names: str) -> dict[str, Any]:
    """What a new process with the folder on its path finds."""
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{PROBE}"
    command = [sys.executable, "-c", program, *names]
    done = warm.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def install(tmp_path: Path) -> Install:
    return partial(write_plugin, tmp_path)


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return partial(probe_in, tmp_path)


def test_a_plugin_is_found_by_its_entry_points_name(install: Install, probe: Probe) -> None:
    install("acme-good")
    assert probe("good")["good"] == ["a.gz"]


def test_nothing_is_imported_before_it_is_requested(install: Install, probe: Probe) -> None:
    install("acme-good")
    install("acme-loud", "raise SystemExit('imported')")
    found = probe("good")
    assert {"good", "loud"} <= set(found["names"])
    assert found["imported"] == []
    assert found["good"] == ["a.gz"]


def test_an_entry_point_may_name_an_object(install: Install, probe: Probe) -> None:
    code = GOOD.replace("def provider()", "def provider(self)").replace("(job)", "(self, job)")
    lines = [f"    {line}" if not line.startswith("from") else line for line in code.splitlines()]
    body = "\n".join(line for line in lines if not line.startswith("from"))
    install("acme-object", f"{code.splitlines()[1]}\nclass Plugin:\n{body}\nplugin = Plugin()\n",
            entry="object = acme_object:plugin")  # fmt: skip
    assert probe("object")["object"] == ["a.gz"]


BROKEN = [
    ("import nowhere_to_be_found", ["ModuleNotFoundError", "nowhere_to_be_found"]),
    ("def broken(:", ["SyntaxError"]),
    ("raise SystemExit(0)", ["SystemExit"]),
    ("1/0", ["ZeroDivisionError"]),
    ("x = 1", ["'provider'"]),
    (GOOD.replace("resolve_files", "resolve_file"), ["'resolve_file'", "'resolve_files'"]),
    (GOOD.replace("(job)", "(jobs)"), ["resolve_files", "'jobs'", "'job'", "http, source, job"]),
    (GOOD.replace("(job)", "(job=None)"), ["resolve_files", "'job'"]),
    (GOOD.replace("(job)", "(**rest)"), ["resolve_files", "*rest"]),
    (GOOD.replace("@hookimpl\ndef resolve", "def resolve"), ["resolve_files", "hookimpl"]),
    (GOOD + "\ndef check_file(): pass", ["check_file", "hookimpl"]),
    (GOOD.replace('ProviderInfo("Good", SourceOptions, JobOptions)', "'Good'"), ["str", "ProviderInfo"]),
    (GOOD.replace("SourceOptions, JobOptions)", "dict, JobOptions)"), ["ProviderInfo.source", "SourceOptions"]),
    (GOOD.replace("SourceOptions, JobOptions)", "SourceOptions, JobOptions())"), ["ProviderInfo.job", "JobOptions"]),
    (GOOD.replace('"Good"', "7"), ["ProviderInfo.title", "int"]),
    (GOOD.replace('"Good"', "1/0"), ["provider", "ZeroDivisionError"]),
    (GOOD.replace("JobOptions)", "JobOptions, pace=3)"), ["ProviderInfo.pace", "int"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process reports about all broken plugins and a good one."""
    folder = tmp_path_factory.mktemp("broken")
    for number, (code, _) in enumerate(BROKEN):
        write_plugin(folder, f"acme-bad{number}", code)
    write_plugin(folder, "acme-good")
    return probe_in(folder, "good", *(f"bad{number}" for number in range(len(BROKEN))))


@pytest.mark.parametrize(("number", "named"), [(n, named) for n, (_, named) in enumerate(BROKEN)])
def test_a_broken_plugin_is_named_with_what_is_wrong(
    broken: dict[str, Any], number: int, named: list[str]
) -> None:
    message = broken[f"bad{number}"]
    assert not missing_facts(message, "12 ", f"'bad{number}' (acme-bad{number} 1.2)", *named), (
        message
    )


def test_a_good_plugin_works_despite_many_broken_ones(broken: dict[str, Any]) -> None:
    assert broken["good"] == ["a.gz"]


def test_an_entry_point_that_names_a_class_is_refused(install: Install, probe: Probe) -> None:
    install("acme-bad", "class Plugin: pass", entry="bad = acme_bad:Plugin")
    assert not missing_facts(probe("bad")["bad"], "12 ", "'bad'", "Plugin")


def test_an_entry_point_that_leads_nowhere_is_named(install: Install, probe: Probe) -> None:
    install("acme-bad", GOOD, entry="bad = acme_bad:gone")
    assert not missing_facts(probe("bad")["bad"], "12 ", "'bad'", "AttributeError")


def test_two_distributions_that_claim_a_name_are_both_refused(
    install: Install, probe: Probe
) -> None:
    install("acme-one", entry="taken = acme_one")
    install("acme-two", entry="taken = acme_two")
    install("acme-good")
    found = probe("taken", "good")
    assert not missing_facts(found["taken"], "12 ", "'taken'", "acme-one 1.2", "acme-two 1.2")
    assert found["good"] == ["a.gz"]


def test_the_list_shows_good_broken_and_duplicate_plugins(install: Install, probe: Probe) -> None:
    install("acme-good")
    install("acme-bad", "1/0")
    install("acme-one", entry="taken = acme_one")
    install("acme-two", entry="taken = acme_two")
    found = probe()["installed"]
    assert found["good acme-good"] == {
        "name": "good",
        "distribution": "acme-good",
        "version": "1.2",
        "value": "acme_good",
        "hooks": ["provider", "resolve_files"],
        "error": None,
    }
    assert "ZeroDivisionError" in found["bad acme-bad"]["error"]
    for name in ("acme-one", "acme-two"):
        error = found[f"taken {name}"]["error"]
        assert not missing_facts(error, "", "'taken'", "acme-one 1.2", "acme-two 1.2")


def test_an_unknown_name_suggests_a_similar_one(install: Install, probe: Probe) -> None:
    install("acme-good")
    found = probe("goood")["goood"]
    assert not missing_facts(found, "12 ", "'goood'", "'good'")


def test_metadata_that_cannot_be_read_hides_no_other_package(
    install: Install, probe: Probe, tmp_path: Path
) -> None:
    install("acme-good")
    install("acme-odd", entry="no equals sign here")
    (tmp_path / "acme_bare-1.0.dist-info").mkdir()
    assert "good" in probe("absent")["names"]


def test_an_installation_without_a_name_is_ignored(
    install: Install, probe: Probe, tmp_path: Path
) -> None:
    install("acme-good")
    (tmp_path / "acme_bare-1.0.dist-info").mkdir()
    assert probe("good")["good"] == ["a.gz"]


def test_the_first_copy_on_the_path_counts(install: Install, probe: Probe, tmp_path: Path) -> None:
    install("acme-good")
    later = tmp_path / "Acme.Good-0.9.dist-info"
    later.mkdir()
    (later / "METADATA").write_text("Metadata-Version: 2.1\nName: Acme.Good\nVersion: 0.9\n")
    (later / "entry_points.txt").write_text("[backhaul.providers]\ngood = acme_good\n")
    assert probe("good")["good"] == ["a.gz"]


def test_what_is_installed_while_a_program_runs_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("one", "two"):
        write_plugin(tmp_path, f"acme-{name}")
        assert name in Plugins().names
    shutil.rmtree(tmp_path / "acme_one-1.2.dist-info")
    assert "one" not in Plugins().names
    assert "two" in Plugins().names
