"""The plugin guide is correct: each hook has its arguments, and the code runs."""

import dataclasses
import inspect
import json
import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.docs import values
from werkzeug import Request as ApiRequest
from werkzeug import Response

import backhaul
from backhaul import Http, SourceOptions, types
from backhaul.config import load_text
from backhaul.errors import BackhaulError
from backhaul.plugins.loading import build, hook_arguments
from backhaul.testing import Emulator

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
    hooks = TEXT.partition("\n## The hooks\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### (`\w+\(.*\)`)$", hooks, flags=re.MULTILINE) == wanted


@pytest.mark.parametrize("hook", hook_arguments())
def test_every_hook_has_an_example(hook: str) -> None:
    section = TEXT.partition(f"### `{hook}(")[2].partition("\n##")[0]
    assert f"@hookimpl\ndef {hook}(" in section


def test_all_parts_are_in_the_table_of_contents() -> None:
    parts = [title for level, title in HEADINGS if level == "##"]
    anchors = [re.sub(r"[^\w -]", "", part).lower().replace(" ", "-") for part in parts]
    assert re.findall(r"^\* \[.*?\]\(#(.*?)\)", TEXT, flags=re.MULTILINE) == anchors


def test_every_value_has_a_table_with_types_defaults_and_meaning() -> None:
    made = {
        name
        for name in types.__all__
        if dataclasses.is_dataclass(kind := getattr(types, name)) and isinstance(kind, type)
    }
    assert set(values.VALUES) == made
    assert values.in_guide() == TEXT
    for name in made:
        wanted = {field.name for field in dataclasses.fields(getattr(types, name))} - {"_"}
        found = list(values.fields(name))
        assert {field for field, *_ in found} == wanted
        for field, kind, default, description in found:
            assert kind, field
            assert description, field
            assert f"| `{field}` | `{kind.replace('|', chr(92) + '|')}` | " in TEXT
            assert (default == "") == _is_required(getattr(types, name), field)


def _is_required(kind: type, name: str) -> bool:
    return inspect.signature(kind).parameters[name].default is inspect.Parameter.empty


class RecipesEmulator(Emulator):
    """As much of an API as the recipes call."""

    def api(self, request: ApiRequest) -> Response:
        assert request.headers["Authorization"] == "Bearer made up"
        match request.path.split("/")[1:]:
            case ["datasets", "tides", "files"]:
                page = int(request.args["page"])
                files = [{"name": f"{page}", "size": page, "id": page * 10}]
                following = {"next": str(page + 1)} if page < 3 else {}
                return Response(json.dumps({"files": files, **following}))
            case ["links", number]:
                return Response(json.dumps({"url": f"http://h/{number}", "expires": 1577836800}))
        return Response("", 404)


def test_the_recipes_work_as_described() -> None:
    module: Any = run()
    with RecipesEmulator() as emulator, Http() as http:
        source = module.Source(base_url=emulator.url, token="made up")
        job = module.Job(dataset="tides")
        found = run_recipe("A list in pages", "resolve_files")(http, source, job)
        first = next(found)
        assert len(emulator.requests) == 1  # the next page waits until it is wanted
        assert [(file.name, file.size) for file in (first, *found)] == [
            ("1", 1),
            ("2", 2),
            ("3", 3),
        ]
        request = run_recipe("Links that expire", "fetch_file")(http, source, first)
        assert request.url == "http://h/10"
        assert request.expires == datetime(2020, 1, 1, tzinfo=UTC)


def test_the_hourly_recipe_lists_only_completed_hours() -> None:
    module: Any = run()
    source = module.Source(base_url="http://h", token="made up")
    job = module.Hours.model_validate({"from": "2020-01-01", "to": "2020-01-01T03:00:00Z"})
    files = list(module.hours_files(source, job))
    assert [file.name for file in files] == [f"2020/01/01/0{hour}.jsonl.gz" for hour in range(3)]
    assert {file.end - file.start for file in files} == {timedelta(hours=1)}
    past, pending = module.hours_status(job).slots
    assert (past.start, past.end) == (files[0].start, files[-1].end)
    assert pending.start == pending.end
    rolling = module.Hours.model_validate({"from": "-2h", "to": "2100-01-01"})
    assert len(list(module.hours_files(source, rolling))) == 2
    past, pending = module.hours_status(rolling).slots
    assert past.end == pending.start < pending.end == datetime(2100, 1, 1, tzinfo=UTC)


def run_recipe(title: str, hook: str) -> Any:
    """The hook of a recipe, with all that the guide defines before and after it."""
    module = run()
    code = re.search(
        r"```python\n(.*?)^```", TEXT.partition(f"### {title}")[2], re.DOTALL | re.MULTILINE
    )
    assert code is not None
    exec(compile(code[1], str(GUIDE), "exec"), vars(module))
    return getattr(module, hook)


def test_every_error_in_the_table_has_the_exit_code_given_there() -> None:
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
    alone: Any = ModuleType("acme_emulator")  # a file of its own, with its own imports
    (code,) = [code for code in PYTHON if "class AcmeEmulator(" in code]
    exec(compile(code, str(GUIDE), "exec"), vars(alone))
    with alone.AcmeEmulator() as emulator, Http() as http:
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
