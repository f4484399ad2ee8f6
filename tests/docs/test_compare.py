"""docs/compare.md: each cell has a source, and speeds are measured."""

import re

from tests.docs.blocks import ROOT

TEXT = (ROOT / "docs/compare.md").read_text("utf-8")


def test_each_cell_has_its_source() -> None:
    table = TEXT.partition("## Features")[2].partition("## Speed")[0]
    rows = [line.split(" | ")[1:] for line in table.splitlines() if line.startswith("| ")][1:]

    assert len(rows) > 15
    assert {len(row) for row in rows} == {7}
    bare = [
        cell
        for row in rows
        for cell in row
        if not re.fullmatch(r"\u2013|\[.+\][\[(].+[\])]", cell.strip(" |"))
    ]
    assert bare == []


def test_each_source_is_read_at_a_commit_and_used() -> None:
    links = dict(re.findall(r"^\[([\w-]+)\]: (\S+)$", TEXT, re.MULTILINE))
    used = set(re.findall(r"\]\[([\w-]+)\]", TEXT))

    assert set(links) == used
    files = [url for url in links.values() if "/blob/" in url or "/tree/" in url]
    assert [url for url in files if not re.search(r"/(blob|tree)/[0-9a-f]{7,}/", url)] == []


def test_the_speed_is_the_measured_one() -> None:
    measured = (ROOT / "docs/speed.md").read_text("utf-8")

    for name in ("s5cmd", "img2dataset"):  # measured by tests.bench.others, which writes this table
        (row,) = re.findall(rf"^\| [^|]*: {name} \|.*$", TEXT, re.MULTILINE)
        assert row.count(" s, CPU ") == 2
    for mark in re.findall(r":(?:start-after|end-before): (.*)", TEXT):
        assert measured.count(mark) == 1
