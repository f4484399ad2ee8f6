"""Reads records as Arrow record batches; needs pyarrow (extra ``parquet``)."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from backhaul.errors import ConfigError
from backhaul.extras import how_to_install

if TYPE_CHECKING:
    import pyarrow as pa

FILE: Final = "file"
RECORD: Final = "record"
_ROWS: Final = 16_384
_BYTES: Final = 16 << 20  # maximum text per batch: bounds memory


def record_batches(
    lines: Iterator[tuple[str, bytes]], columns: Mapping[str, str]
) -> "pa.RecordBatchReader":
    """A reader of the records, with string columns ``file``, ``record`` and the given ones.

    Args:
        lines: pairs of file name and record.
        columns: JMESPath expressions by column name.

    Raises:
        ConfigError: pyarrow is not installed, or a column is invalid.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - optional dependency
    except ImportError:
        raise ConfigError(f"to_arrow needs pyarrow: {how_to_install('parquet')}") from None
    paths = _compiled(columns)
    schema = pa.schema([(name, pa.string()) for name in (FILE, RECORD, *paths)])
    return pa.RecordBatchReader.from_batches(schema, _batches(lines, paths, schema))


def _compiled(columns: Mapping[str, str]) -> dict[str, Any]:
    paths = {}
    for name, expression in columns.items():
        if name in {FILE, RECORD}:
            raise ConfigError(f"column {name}: reserved name, choose another")
        try:
            paths[name] = jmespath.compile(expression)
        except JMESPathError as error:
            raise ConfigError(f"column {name}: {error}") from None
    return paths


def _batches(
    lines: Iterator[tuple[str, bytes]], paths: dict[str, Any], schema: "pa.Schema"
) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa  # noqa: PLC0415 - optional dependency

    rows: list[tuple[str | None, ...]] = []
    held = 0
    for file, line in lines:
        text = line.decode(errors="replace").strip()
        record = _parsed(text) if paths else None
        rows.append((file, text, *(_text(path.search(record)) for path in paths.values())))
        held += len(text)
        if len(rows) >= _ROWS or held >= _BYTES:
            yield pa.RecordBatch.from_arrays(_arrays(rows, schema), schema=schema)
            rows, held = [], 0
    if rows:
        yield pa.RecordBatch.from_arrays(_arrays(rows, schema), schema=schema)


def _arrays(rows: list[tuple[str | None, ...]], schema: "pa.Schema") -> "list[pa.Array]":
    import pyarrow as pa  # noqa: PLC0415 - optional dependency

    return [
        pa.array(values, type=each.type)
        for values, each in zip(zip(*rows, strict=True), schema, strict=True)
    ]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None  # ``record`` has the original


def _text(value: Any) -> str | None:
    """A value as text: JSON unless it is a string; lone surrogates become U+FFFD."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
