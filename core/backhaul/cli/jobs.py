"""``backhaul jobs``: the jobs that the providers list."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backhaul.cli import completing, library, output
from backhaul.cli.common import Configs, Csv, Json, command
from backhaul.cli.complaints import complain
from backhaul.cli.csv_lines import write_csv
from backhaul.errors import BackhaulError, ConfigError, worst
from backhaul.wording import day_or_time, iso

if TYPE_CHECKING:
    from threading import Event

    from backhaul import RemoteJob
    from backhaul.config import Settings, Source
    from backhaul.plugins.discovery import Plugins


_COLUMNS = ("source", "provider", "id", "title", "state", "from", "to", "start", "end")


SourceNames = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="NAME",
        help="Only this source; may be repeated.",
        autocompletion=completing.sources,
    ),
]


@command
def jobs(
    configs: Configs, *, source: SourceNames = None, json: Json = False, csv: Csv = False
) -> int:
    """List the jobs that each account has at its provider.

    Examples:
      backhaul jobs hpt.yaml
      backhaul jobs *.yaml --source gnip --csv
    """
    loaded, plugins = library.load_configs(configs)
    settings = library.run_wide(loaded)
    sources = _chosen([each for config in loaded for each in config.sources.values()], source)
    entries: list[dict[str, Any]] = []
    codes = []
    asked = library.ask_each(sources, lambda each, stop: _list(each, settings, plugins, stop))
    for one, found in asked:
        entry: dict[str, Any] = {"source": one.name, "provider": one.provider, "jobs": []}
        if isinstance(found, BackhaulError):
            complain(f"source {one.name}: {found.message}")
            codes.append(found.exit_code)
            entry["error"] = found.message
        else:
            entry["jobs"] = [_as_json(job) for job in found]
            entry["has_list"] = plugins.load(one.provider).implements("list_jobs")
        entries.append(entry)
    if csv:
        write_csv(_COLUMNS, _rows(entries))
    elif json:
        output.as_json({"exit_code": int(worst(codes)), "sources": entries})
    else:
        for entry in entries:
            _show(entry)
    return worst(codes)


def _chosen(sources: "list[Source]", names: list[str] | None) -> "list[Source]":
    """The sources of these names, or all. Raises ConfigError for a name that is not configured."""
    known = dict.fromkeys(each.name for each in sources)
    for name in names or ():
        if name not in known:
            raise ConfigError(
                f"{name}: no such source; configured sources: {', '.join(known) or 'none'}"
            )
    return [each for each in sources if not names or each.name in names]


def _rows(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        for job in entry["jobs"]:
            yield {**job, "source": entry["source"], "provider": entry["provider"]}


def _list(
    source: "Source", settings: "Settings", plugins: "Plugins", stop: "Event"
) -> "list[RemoteJob]":
    if source.plugin_error is not None:
        raise source.plugin_error
    provider = plugins.load(source.provider)
    with library.make_http(settings, provider, stop) as http:
        if source.pace is not None:
            http.keep_pace(source.pace)
        return list(provider.list_jobs(http, source.options))


def _as_json(job: "RemoteJob") -> dict[str, Any]:
    return {
        "id": job.id,
        "title": job.title,
        "state": job.state.value,
        "from": iso(job.start),
        "to": iso(job.end),
        "start": iso(job.start),
        "end": iso(job.end),
    }


def _show(entry: dict[str, Any]) -> None:
    head = f"{entry['source']} ({entry['provider']})"
    if entry.get("error"):
        output.line(f"{head}: request failed")
        return
    if not entry["has_list"]:
        output.line(f"{head}: this provider does not list jobs")
        return
    output.line(f"{head}: {len(entry['jobs'])} listed")
    rows = [
        (output.words(job["id"]), job["state"], _period(job), output.words(job["title"]))
        for job in entry["jobs"]
    ]
    for line in output.table(rows, indent="  "):
        output.line(line)


def _period(job: dict[str, Any]) -> str:
    ends = [day_or_time(job[end]) for end in ("from", "to") if job[end]]
    return " to ".join(ends)
