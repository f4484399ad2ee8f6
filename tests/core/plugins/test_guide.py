"""The plugin guide is correct: each hook has its arguments, and the code runs."""

import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import backhaul
from backhaul import Http, SourceOptions
from backhaul.config import load_text
from backhaul.errors import BackhaulError
from backhaul.plugins.loading import build, hook_arguments

GUIDE = Path(__file__).parents[3] / "providers" / "README.md"
TEXT = GUIDE.read_text(encoding="utf-8")
HEADINGS = re.findall(
    r"^(#+) (.*)$",
    re.sub(r"^```.*?^```", "", TEXT, flags=re.MULTILINE | re.DOTALL),
    flags=re.MULTILINE,
)
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
PYTHON = [code for kind, code in BLOCKS if kind == "python"]


def run(count: int | None = None) -> ModuleType:
    """A module made of the guide's code blocks in order."""
    module = ModuleType("acme_guide")
    for code in PYTHON[:count]:
        exec(compile(code, str(GUIDE), "exec"), vars(module))
    return module


def test_every_hook_is_documented_with_its_exact_arguments() -> None:
    wanted = [f"`{name}({', '.join(arguments)})`" for name, arguments in hook_arguments().items()]
    assert [title for level, title in HEADINGS if level == "###"] == wanted


@pytest.mark.parametrize("hook", hook_arguments())
def test_every_hook_has_an_example(hook: str) -> None:
    section = TEXT.partition(f"### `{hook}(")[2].partition("\n##")[0]
    assert f"@hookimpl\ndef {hook}(" in section


def test_the_parts_are_in_the_contents() -> None:
    parts = [title for level, title in HEADINGS if level == "##"]
    anchors = [re.sub(r"[^\w -]", "", part).lower().replace(" ", "-") for part in parts]
    assert re.findall(r"^\* \[.*?\]\(#(.*?)\)", TEXT, flags=re.MULTILINE) == anchors


def test_every_value_of_the_table_has_the_fields_that_it_names() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (`.*) \|$", TEXT.partition("## The values")[2], flags=re.MULTILINE
    )
    assert len(rows) >= 10
    for name, told in rows:
        fields = set(getattr(backhaul, name).__dataclass_fields__)
        named = re.findall(r"(?:^|, )`(\w+)", re.sub(r"\([^)]*\)", "", told))
        assert set(named) <= fields, name


def test_every_error_of_the_table_has_that_exit_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| (\d+) \|$", TEXT, flags=re.MULTILINE)
    assert len(rows) == 8
    for name, code in rows:
        kind = getattr(backhaul, name)
        assert issubclass(kind, BackhaulError)
        assert kind.exit_code == int(code)


def test_the_first_block_is_a_provider_of_about_thirty_lines() -> None:
    assert sum(1 for line in PYTHON[0].splitlines() if line.strip()) <= 32
    provider = build(run(1), name="acme")
    assert provider.hooks == ("provider", "resolve_files")


def test_the_provider_works_against_the_emulator_of_the_guide() -> None:
    provider = build(run(1), name="acme")
    whole: Any = run()
    with whole.AcmeEmulator() as emulator, Http() as http:
        source = provider.info.source(base_url=emulator.url, token="made up")  # type: ignore[call-arg]  # its own keys
        job = provider.info.job(dataset="tides-2020")  # type: ignore[call-arg]  # its own key
        files = list(provider.resolve_files(http, source, job))
        assert [file.name for file in files] == list(emulator.data)
        for file in files:
            request: Any = provider.fetch_file(http, source, job, file)
            assert http.get(request.url).content == emulator.data[file.name]


def test_every_block_runs_and_makes_a_valid_plugin() -> None:
    module, pulling = run(), run()
    del module.pull_file, pulling.fetch_file
    provider, puller = build(module, name="acme"), build(pulling, name="acme")
    assert {*provider.hooks, *puller.hooks} == set(hook_arguments())
    file = backhaul.RemoteFile("a")
    content = backhaul.Content(1, "0" * 64, records=2, last=b'{"count": 3}')
    options: Any = SourceOptions()
    problems = provider.check_file(options, options, file, content)
    assert [problem.kind for problem in problems] == [backhaul.FailureKind.COUNT_MISMATCH]


def test_the_toml_of_the_guide_names_what_the_guide_defines() -> None:
    (text,) = [code for kind, code in BLOCKS if kind == "toml"]
    points = tomllib.loads(text)["project"]["entry-points"]
    assert set(points) == {"backhaul.providers", "backhaul.emulators"}
    assert hasattr(run(), points["backhaul.emulators"]["acme"].partition(":")[2])


def test_the_yaml_of_the_guide_loads(tmp_path: Path) -> None:
    (text,) = [code for kind, code in BLOCKS if kind == "yaml"]
    provider = build(run(1), name="acme")
    config = load_text(
        text, folder=tmp_path, providers=lambda _: provider.info, env={"ACME_TOKEN": "x"}
    )
    assert list(config.jobs) == ["tides"]
