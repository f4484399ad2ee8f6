"""Each page works as written: its blocks of shell, YAML, Python and SQL run in order."""

import shutil
from pathlib import Path

import pytest
from tests.docs.blocks import ROOT, Block, blocks, pages
from tests.docs.reader import Reader
from tests.usual import usual

ELSEWHERE = ROOT / "docs/python.md"  # test_python.py also looks at what its blocks print
PAGES = [page for page in pages() if page != ELSEWHERE and any(blocks(page))]


@pytest.mark.timeout(180)  # seconds, also on a busy machine
@pytest.mark.parametrize(
    "page",
    usual(PAGES, ROOT / "README.md", ROOT / "docs/how/duckdb.md", ROOT / "docs/how/secrets.md"),
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_each_block_works(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Reader(tmp_path) as reader:
        for block in blocks(page):
            needed = block.argument("needs")
            if needed is None or shutil.which(needed):
                reader.try_(block)


@pytest.mark.parametrize(
    ("kind", "text", "mark"),
    [
        ("console", "false\n", ""),
        ("console", "true\n", "exit 3"),
        ("console", "backhaul run hpt.yaml --no-such-option\n", ""),
        ("console", "backhaul run hpt.yaml --no-such-option\n", "not run: planted"),
        ("console", "if\n", "not run: planted"),
        ("yaml", "settings: {no_such_key: 1}\n", ""),
        ("yaml", "jobs: {a: {source: none}}\n", ""),
        ("python", "import backhaul.no_such_module\n", ""),
        ("sql", "SELECT * FROM nothing;\n", ""),
        ("fortran", "", ""),
    ],
)
def test_a_block_that_does_not_work_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, text: str, mark: str
) -> None:
    monkeypatch.chdir(tmp_path)
    block = Block(ROOT / "docs/planted.md", 1, kind, text, mark)

    with Reader(tmp_path) as reader, pytest.raises(Exception, match=r"."):
        reader.try_(block)


def test_marks_and_blocks_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- block: exit 3 -->\n```console\na\n```\n\n```{note}\nb\n```\n\n```\nc\n```\n"
    )

    read = [(block.line, block.kind, block.text, block.mark) for block in blocks(page)]

    assert read == [(2, "console", "a\n", "exit 3"), (10, "", "c\n", "")]
