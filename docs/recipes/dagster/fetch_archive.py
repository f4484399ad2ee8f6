"""What Dagster starts: runs the archive, and reports each job with dagster-pipes."""

import sys

from dagster_pipes import open_dagster_pipes

import backhaul


def main(config: str) -> int:
    with open_dagster_pipes() as pipes:
        result = backhaul.load(config).run()
        for job in result.jobs:
            pipes.log.info(f"{job.job}: {job.state}, {job.files.fetched} fetched")
            for note in job.failures:
                pipes.log.error(f"{job.job}: {note.file or 'the job'}: {note.message}")
        pipes.report_asset_materialization(
            metadata={
                "verified": sum(job.files.verified for job in result.jobs),
                "fetched": sum(job.files.fetched for job in result.jobs),
                "missing": sum(job.files.missing for job in result.jobs),
            }
        )
    return int(result.exit_code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
