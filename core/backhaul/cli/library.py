"""What commands use beside the public names of ``backhaul``; each is loaded when it is first used.

The ``--help`` of a command imports its module for the options, and needs none of what the command runs.
"""

# ruff: noqa: PLC0414 - "as" tells type checkers that a name is there for others

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from backhaul.archive.gaps import gap_ranges as gap_ranges
    from backhaul.archive.jobs import known_jobs as known_jobs
    from backhaul.archive.known_files import known_files as known_files
    from backhaul.archive.unrecoverable import told as told
    from backhaul.config.batch import load_configs as load_configs
    from backhaul.config.batch import load_outline as load_outline
    from backhaul.config.batch import run_wide as run_wide
    from backhaul.config.init import example as example
    from backhaul.config.schema import schema as schema
    from backhaul.doctor.examine import examine as examine
    from backhaul.doctor.finding import Finding as Finding
    from backhaul.events import both as both
    from backhaul.notify.event_file import EventFile as EventFile
    from backhaul.notify.event_log import EventLog as EventLog
    from backhaul.notify.event_schema import event_schema as event_schema
    from backhaul.plugins import discovery as discovery
    from backhaul.plugins.discovery import Plugins as Plugins
    from backhaul.run.asking import ask_each as ask_each
    from backhaul.run.prepare import make_http as make_http
    from backhaul.selection import Selection as Selection
    from backhaul.storage.job import url_of as url_of
    from backhaul.testing.faults import KINDS as KINDS
    from backhaul.testing.serve import emulators as emulators
    from backhaul.views import Look as Look
    from backhaul.views import gap_map as gap_map
    from backhaul.views.gap_map import Cell as Cell
    from backhaul.views.notes import doubtful as doubtful
    from backhaul.views.notes import notes as notes
    from backhaul.views.status_table import JobLine as JobLine
    from backhaul.views.status_table import status_table as status_table
    from backhaul.views.watched import Picture as Picture
    from backhaul.views.watched import lines as lines
    from backhaul.views.watched import watched as watched

_HOME: Final = {
    "gap_ranges": "backhaul.archive.gaps:gap_ranges",
    "known_jobs": "backhaul.archive.jobs:known_jobs",
    "known_files": "backhaul.archive.known_files:known_files",
    "told": "backhaul.archive.unrecoverable:told",
    "load_configs": "backhaul.config.batch:load_configs",
    "load_outline": "backhaul.config.batch:load_outline",
    "run_wide": "backhaul.config.batch:run_wide",
    "example": "backhaul.config.init:example",
    "schema": "backhaul.config.schema:schema",
    "examine": "backhaul.doctor.examine:examine",
    "Finding": "backhaul.doctor.finding:Finding",
    "both": "backhaul.events:both",
    "EventFile": "backhaul.notify.event_file:EventFile",
    "EventLog": "backhaul.notify.event_log:EventLog",
    "event_schema": "backhaul.notify.event_schema:event_schema",
    "discovery": "backhaul.plugins.discovery",
    "Plugins": "backhaul.plugins.discovery:Plugins",
    "ask_each": "backhaul.run.asking:ask_each",
    "make_http": "backhaul.run.prepare:make_http",
    "Selection": "backhaul.selection:Selection",
    "url_of": "backhaul.storage.job:url_of",
    "KINDS": "backhaul.testing.faults:KINDS",
    "emulators": "backhaul.testing.serve:emulators",
    "Look": "backhaul.views:Look",
    "gap_map": "backhaul.views:gap_map",
    "Cell": "backhaul.views.gap_map:Cell",
    "doubtful": "backhaul.views.notes:doubtful",
    "notes": "backhaul.views.notes:notes",
    "JobLine": "backhaul.views.status_table:JobLine",
    "status_table": "backhaul.views.status_table:status_table",
    "Picture": "backhaul.views.watched:Picture",
    "lines": "backhaul.views.watched:lines",
    "watched": "backhaul.views.watched:watched",
}

if not TYPE_CHECKING:  # checkers know the names above, and refuse all others

    def __getattr__(name: str) -> Any:
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, _, attribute = home.partition(":")
        value = import_module(module)
        if attribute:
            value = getattr(value, attribute)
        globals()[name] = value
        return value
