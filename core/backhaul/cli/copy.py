"""``backhaul copy``: copies an archive to another destination; contacts no provider."""

from typing import TYPE_CHECKING, Annotated

import typer

import backhaul
from backhaul.cli import output
from backhaul.cli.common import Configs, JobNames, Json, StoreKeys, command, store_keys
from backhaul.wording import count, human

if TYPE_CHECKING:
    from backhaul.archive.copying import JobCopy

To = Annotated[
    str,
    typer.Option(
        "--to", metavar="DEST", help="Folder, or URL of an object store, e.g. s3://bucket/prefix."
    ),
]


@command
def copy(
    configs: Configs, *, to: To, store: StoreKeys = None, job: JobNames = None, json: Json = False
) -> int:
    """Copy an archive to another folder or object store.

    Every file is checked against the ledger as it is read. Files that are already at the destination are
    not copied again, so an interrupted copy can simply be repeated. Afterwards, set settings.dest to the
    new destination. Contacts no provider.

    Examples:
      backhaul copy hpt.yaml --to s3://bucket/archive
      backhaul copy hpt.yaml --to /mnt/archive
    """
    archive = backhaul.load(*configs, offline=True)
    given = store_keys(store) or None
    result = archive.copy(to, job or (), store=given, on_job=None if json else _show)
    if json:
        output.as_json(result.as_json())
    return result.exit_code


def _show(copied: "JobCopy") -> None:
    name = output.colour(copied.job, "bold")
    if not (copied.copied or copied.present or copied.left_out or copied.problems):
        output.line(f"{name}: nothing downloaded yet")
        return
    there = f", {copied.present:,} already there" if copied.present else ""
    size = human(copied.bytes)
    output.line(f"{name}: {count(copied.copied, 'file')} copied ({size}){there}")
    if copied.left_out:
        output.line(f"  {count(copied.left_out, 'file')} left out: corrupt, see: backhaul gaps")
    for each in copied.problems:
        file = output.words(each.file or "")
        output.line(f"  {file}: {each.kind.value}: {output.words(each.message)}")
