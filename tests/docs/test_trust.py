"""docs/trust.md names tests that exist."""

import ast
import re

import pytest
from tests.docs.blocks import ROOT

TEXT = (ROOT / "docs/trust.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda text: text.rpartition("/")[2])
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text("utf-8"))

    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_a_test() -> None:
    rows = re.findall(r"^\| (?!promise|---)(.*) \| (.*) \|$", TEXT, re.MULTILINE)

    assert len(rows) > 25
    assert [promise for promise, shown in rows if "::test_" not in shown] == []
