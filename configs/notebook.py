"""An archive in a notebook: with pandas and DuckDB, which need the extra ``parquet``.

Editors that know ``# %%`` (VS Code, Spyder, Jupyter with jupytext) run it cell by cell, and
``python configs/notebook.py CONFIG`` runs all of it. ``pip install 'backhaul[parquet]' duckdb pandas``
"""

# %% Which archive: a YAML file, and one of its jobs.
import sys

import backhaul

config = sys.argv[1] if len(sys.argv) == 2 else "configs/gnip-hpt-v2.yaml"  # noqa: PLR2004 - the file and a word
archive = backhaul.load(config)
job = archive.jobs[0]
archive.plan([job])

# %% Fetch what is missing. Interrupting the cell stops cleanly; run it again to resume.
result = archive.run([job])
result.jobs[0].files

# %% What is not here, as a data frame.
import pandas as pd

gaps = pd.DataFrame(gap.as_json() for gap in archive.gaps(job))
print(gaps.groupby("state").size() if len(gaps) else "no gaps")

# %% Files per day, and how large they are.
files = pd.DataFrame(file.as_json() for file in archive.files(job, states=["verified"]))
files["start"] = pd.to_datetime(files["start"])
print(files.groupby(files["start"].dt.date)[["size", "records"]].sum())

# %% The records themselves, in DuckDB: it reads batch by batch, in flat memory.
import duckdb

records = archive.to_arrow(job, columns={"posted": "postedTime", "by": "actor.preferredUsername"})
busiest = duckdb.sql(
    """
    SELECT "by", count(*) AS posts, min(posted) AS first, max(posted) AS last
    FROM records GROUP BY "by" ORDER BY posts DESC, "by" LIMIT 10
    """
)
print(busiest)

# %% Any other field by DuckDB's own JSON functions; a reader is used up, so ask for another.
records = archive.to_arrow(job)
print(duckdb.sql("SELECT record->>'$.verb' AS verb, count(*) AS number FROM records GROUP BY verb"))

# %% Small selections fit a data frame.
some = archive.to_arrow(job, columns={"by": "actor.preferredUsername"}).read_all().to_pandas()
print(some["by"].value_counts().head())
