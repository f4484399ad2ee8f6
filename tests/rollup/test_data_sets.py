"""A roll-up's folder can be read as a data set: auxiliary files start with ``_``.

Tests import pandas and the data sets of pyarrow, which import pandas, themselves: it takes as long as all other imports.
"""

from typing import Any

import duckdb
import pytest

COLUMNS = ["id", "time", "kind", "author", "text", "raw"]


@pytest.fixture(name="folder")
def _folder(a_day: Any) -> str:
    a_day.rollup("--to", "hour", "--format", "parquet")
    folder = a_day.out / "hour/parquet"
    (folder / "_worldcup_2014-06-13T00.parquet.part").write_bytes(b"half of it")
    return str(folder)


def test_pandas_reads_the_folder(folder: str) -> None:
    import pandas as pd  # noqa: PLC0415 - see above

    frame = pd.read_parquet(folder)

    assert list(frame.columns) == COLUMNS
    assert (len(frame), frame["id"].nunique()) == (396, 396)
    assert str(frame["time"].dtype) == "datetime64[us, UTC]"


def test_pyarrow_reads_the_folder(folder: str) -> None:
    import pyarrow.dataset  # noqa: PLC0415 - see above
    import pyarrow.parquet  # noqa: PLC0415 - see above

    data = pyarrow.dataset.dataset(folder, format="parquet")

    assert data.schema.names == COLUMNS
    assert data.count_rows() == 396
    assert pyarrow.parquet.read_table(folder).num_rows == 396


def test_duckdb_reads_the_folder(folder: str) -> None:
    (found,) = duckdb.sql(
        f"SELECT count(*), count(DISTINCT id) FROM '{folder}/*.parquet'"
    ).fetchall()

    assert found == (396, 396)


def test_an_older_folder_is_adopted(a_day: Any, folder: str) -> None:
    import pandas as pd  # noqa: PLC0415 - see above

    folder_ = a_day.out / "hour/parquet"
    for name in ("MANIFEST.jsonl", "SHA256SUMS"):
        (folder_ / f"_{name}").rename(folder_ / name)
    (folder_ / "_worldcup_2014-06-13T00.parquet.part").unlink()

    result = a_day.rollup("--to", "hour", "--format", "parquet")

    assert {output["state"] for output in result["outputs"]} == {"up_to_date"}
    assert {path.name for path in folder_.iterdir() if path.suffix != ".parquet"} == {
        "_MANIFEST.jsonl",
        "_SHA256SUMS",
    }
    assert pd.read_parquet(folder).shape == (396, 6)
