"""Fetches an archive every hour. ``backhaul_task.py`` is in the same folder."""

import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from backhaul_task import AskAPersonError, TryAgainError, fetch, stop


class BackhaulOperator(BaseOperator):
    """Runs a configuration; returns the result's jobs with their state and counts."""

    template_fields = ("config", "options")
    process: "subprocess.Popen[str] | None" = None

    def __init__(self, *, config: str, options: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.options = options

    def execute(self, context: Any) -> dict[str, Any]:
        try:
            result = fetch(self.config, *self.options, started=self.keep)
        except TryAgainError as error:
            raise AirflowException(str(error)) from error
        except AskAPersonError as error:
            raise AirflowFailException(str(error)) from error
        return {job["job"]: {"state": job["state"], **job["files"]} for job in result["jobs"]}

    def keep(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def on_kill(self) -> None:
        if self.process is not None:
            stop(self.process)


with DAG(
    "archive",
    schedule="17 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # a run fetches whatever is missing
    max_active_runs=1,
) as dag:
    BackhaulOperator(
        task_id="fetch",
        config="/srv/archive/backhaul.yaml",
        options=("--max-duration", "5h"),
        retries=5,
        retry_delay=timedelta(minutes=10),
    )
