"""A provider's roll-up parts are validated; errors in them are attributed to it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.messages import missing_facts

from backhaul import RemoteFile
from backhaul.errors import PluginError
from backhaul_rollup import Provided, Table, provided_by

NOW = datetime(2014, 6, 12, tzinfo=UTC)


def read(*tables: Any) -> list[list[tuple[Any, ...]]]:
    def derive(files: Any) -> Any:
        list(files)
        yield from tables

    found = Provided("tide 1.0", derive=derive).tables([])
    return [list(table.rows) for table in found]


def test_a_table_is_accepted_with_its_rows() -> None:
    table = Table("tides", (("start", datetime), ("height", float)), rows=[(NOW, None), (NOW, 1.5)])
    assert read(table) == [[(NOW, None), (NOW, 1.5)]]


def failing() -> Iterator[tuple[Any, ...]]:
    yield (1,)
    raise KeyError("height")


@pytest.mark.parametrize(
    ("table", "named"),
    [
        (7, ["int", "Table"]),
        (Table("../x", (), rows=[]), ["'../x'"]),
        (Table("x", (("a", list),), rows=[]), ["'a'", "list"]),
        (Table("x", (("a", int),), rows=[(1, 2)]), ["tuple", "1"]),
        (Table("x", (("a", int),), rows=[("1",)]), ["str", "int"]),
        (Table("x", (("a", int),), rows=failing()), ["KeyError"]),
    ],
)
def test_a_breach_of_the_contract_is_an_error_that_names_the_plugin(
    table: Any, named: list[str]
) -> None:
    with pytest.raises(PluginError) as caught:
        read(table)
    assert not missing_facts(caught.value.message, "tide 1.0: derive_tables", *named)


def test_a_result_that_is_not_iterable_is_the_plugins_error() -> None:
    with pytest.raises(PluginError, match=r"tide 1\.0: derive_tables failed: TypeError"):
        list(Provided("tide 1.0", derive=lambda _: 7).tables([]))  # type: ignore[arg-type,return-value]  # what is wrong


def test_each_bundled_provider_offers_its_columns_and_tables() -> None:
    names = {name: provided_by(name) for name in ("gnip-hpt", "massrelevance-meta", "http-index")}

    assert [column.name for column in names["gnip-hpt"].columns] == [
        "id", "time", "kind", "author", "text",
    ]  # fmt: skip
    assert names["gnip-hpt"].derive is None
    assert names["massrelevance-meta"].derive is not None
    assert names["http-index"] == Provided("http-index")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("nothing_of_the_kind", ["cannot be imported", "ModuleNotFoundError"]),
        ("tide_rollup", ["COLUMNS is not a sequence of Column"]),
    ],
)
def test_a_module_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, named: list[str]
) -> None:
    metadata = tmp_path / "tide-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tide\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[backhaul.rollup]\ntide = {value}\n")
    (tmp_path / "tide_rollup.py").write_text("COLUMNS = ('id',)\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(PluginError) as caught:
        provided_by("tide")

    assert all(word in caught.value.message for word in ("'tide'", value, *named))


def test_the_module_that_the_guide_shows_makes_its_table(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/rollup.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(from collections.*?)^```", text, re.MULTILINE | re.DOTALL)
    made: dict[str, Any] = {}
    exec(code, made)
    (tmp_path / "a").write_bytes(b"123")
    file = RemoteFile("a", start=NOW, end=NOW + timedelta(hours=1))

    (table,) = Provided("acme", made["COLUMNS"], made["derive_tables"]).tables(
        [(file, tmp_path / "a")]
    )

    assert list(table.rows) == [(NOW, 3)]
