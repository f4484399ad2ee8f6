"""The archive as an asset, fetched every hour by ``fetch_archive.py`` in the same folder."""

import sys
from pathlib import Path

import dagster

SCRIPT = Path(__file__).with_name("fetch_archive.py")


@dagster.asset
def archive(
    context: dagster.AssetExecutionContext, pipes: dagster.PipesSubprocessClient
) -> dagster.MaterializeResult:
    command = [sys.executable, str(SCRIPT), "/srv/archive/backhaul.yaml"]
    return pipes.run(command=command, context=context).get_materialize_result()


hourly = dagster.ScheduleDefinition(
    "hourly", target=dagster.AssetSelection.all(), cron_schedule="17 * * * *"
)
defs = dagster.Definitions(
    assets=[archive],
    schedules=[hourly],
    resources={"pipes": dagster.PipesSubprocessClient()},
)
