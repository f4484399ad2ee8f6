"""Fetches an archive; ``backhaul_task.py`` is in the same folder."""

from typing import Any

from backhaul_task import AskAPersonError, fetch
from prefect import flow, task


def may_help(_task: Any, _run: Any, state: Any) -> bool:
    """Whether to try again: not if a person has to change something."""
    return not isinstance(state.result(raise_on_failure=False), AskAPersonError)


@task(retries=5, retry_delay_seconds=600, retry_condition_fn=may_help)
def fetch_archive(config: str) -> dict[str, Any]:
    return fetch(config, "--max-duration", "5h")


@flow(name="archive")
def archive(config: str = "/srv/archive/backhaul.yaml") -> dict[str, str]:
    """Returns the state of each job."""
    return {job["job"]: job["state"] for job in fetch_archive(config)["jobs"]}


if __name__ == "__main__":
    archive.serve(name="hourly", cron="17 * * * *")
