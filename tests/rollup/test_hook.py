"""What core makes of a provider's tables."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from tests.told import unnamed

from backhaul import JobOptions, ProviderInfo, SourceOptions, Table, hookimpl
from backhaul.errors import PluginError
from backhaul.plugins.loading import build

NOW = datetime(2014, 6, 12, tzinfo=UTC)


def provider_with(*tables: Any) -> Any:
    class Plugin:
        @hookimpl
        def provider(self) -> ProviderInfo:
            return ProviderInfo("Tide", SourceOptions, JobOptions)

        @hookimpl
        def resolve_files(self) -> list[Any]:
            return []

        @hookimpl
        def derive_tables(self, files: Any) -> Any:
            list(files)
            yield from tables

    return build(Plugin(), name="tide", label="tide 1.0")


def read(*tables: Any) -> list[list[tuple[Any, ...]]]:
    options: Any = SimpleNamespace()
    found = provider_with(*tables).derive_tables(options, options, [])
    return [list(table.rows) for table in found]


def test_tables_pass_with_their_rows() -> None:
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
def test_what_breaks_the_contract_is_the_plugins_error_and_names_it(
    table: Any, named: list[str]
) -> None:
    with pytest.raises(PluginError) as caught:
        read(table)
    assert not unnamed(caught.value.message, "tide 1.0: derive_tables", *named)
