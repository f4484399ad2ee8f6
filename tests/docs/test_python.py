"""docs/python.md: each block runs, in order, against an emulator; so does the notebook."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import backhaul
from backhaul.testing.serve import emulator

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def hpt(tmp_path: Path) -> Iterator[Path]:
    """An empty folder with ``hpt.yaml``, whose job ``worldcup`` is served by an emulator."""
    with emulator("gnip-hpt", slots=6) as one:
        document = {
            "version": 1,
            "sources": {"hpt": one.source()},
            "jobs": {"worldcup": {"source": "hpt", **next(iter(one.jobs().values()))}},
        }
        path = tmp_path / "hpt.yaml"
        path.write_text(yaml.safe_dump(document))
        yield path


def test_each_block_runs(
    hpt: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(hpt.parent)
    text = PAGE.read_text()
    namespace: dict[str, object] = {"__name__": "page"}

    blocks = list(BLOCK.finditer(text))
    for block in blocks:
        line = text[: block.start(1)].count("\n")
        # So that errors name the line of the page.
        code = compile("\n" * line + block[1], str(PAGE), "exec")
        exec(code, namespace)

    assert len(blocks) == text.count("```python")
    output = capsys.readouterr().out
    assert "('worldcup',)" in output
    assert "['file', 'record', 'posted', 'by']" in output


def test_the_page_names_all_calls_results_and_events() -> None:
    text = PAGE.read_text()
    calls = [name for name in vars(backhaul.Archive) if not name.startswith("_")]
    attributes = {"configs", "plugins", "settings"}

    for name in set(calls) - attributes:
        assert re.search(rf"\b{name}\b", text), name
    for event in backhaul.Event.__args__:
        assert f"`{event.__name__}`" in text, event


@pytest.mark.matrix
def test_the_notebook_runs(hpt: Path) -> None:
    missing = [
        name for name in ("pandas", "duckdb", "pyarrow") if importlib.util.find_spec(name) is None
    ]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    done = subprocess.run(
        [sys.executable, ROOT / "configs/notebook.py", hpt],
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )

    assert done.returncode == 0, done.stderr
    assert "posts" in done.stdout
    assert "verb" in done.stdout
