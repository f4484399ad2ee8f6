"""``backhaul copy``: takes an archive to another destination; contacts no provider."""

from typing import TYPE_CHECKING, Annotated

import typer

import backhaul
from backhaul.cli import output
from backhaul.cli.common import Configs, JobNames, Json, command
from backhaul.errors import ConfigError
from backhaul.wording import count, human

if TYPE_CHECKING:
    from backhaul.archive.copying import JobCopy

To = Annotated[
    str,
    typer.Option(
        "--to", metavar="DEST", help="A folder, or an object store such as s3://bucket/prefix."
    ),
]
StoreKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--store",
        metavar="KEY=VALUE",
        help="What the object store needs, as in settings.store: endpoint=URL, region=NAME; may be repeated.",
    ),
]


@command
def copy(
    configs: Configs,
    *,
    to: To,
    store: StoreKeys = None,
    job: JobNames = None,
    json: Json = False,
) -> int:
    """Copy an archive to another folder or object store; contacts no provider.

    Every file is compared with the ledger while it is read. What is there already is not copied again,
    so an interrupted copy can be repeated. Afterwards, set settings.dest to the new destination.

    Examples:
      backhaul copy hpt.yaml --to s3://bucket/archive
      backhaul copy hpt.yaml --to /mnt/archive
    """
    archive = backhaul.load(*configs, offline=True)
    given = dict(map(_pair, store)) if store else None
    result = archive.copy(to, job or (), store=given, on_job=None if json else _show)
    if json:
        output.as_json(result.as_json())
    return result.exit_code


def _pair(text: str) -> tuple[str, str | bool]:
    key, separator, value = text.partition("=")
    if not separator:
        raise ConfigError(f"--store {text}: should be KEY=VALUE, such as region=eu-central-1")
    return key, {"true": True, "false": False}.get(value, value)


def _show(copied: "JobCopy") -> None:
    name = output.colour(copied.job, "bold")
    if not (copied.copied or copied.present or copied.problems):
        output.line(f"{name}: nothing downloaded yet")
        return
    there = f", {copied.present:,} already there" if copied.present else ""
    size = human(copied.bytes)
    output.line(f"{name}: {count(copied.copied, 'file')} copied ({size}){there}")
    for each in copied.problems:
        file = output.words(each.file or "")
        output.line(f"  {file}: {each.kind.value}: {output.words(each.message)}")
