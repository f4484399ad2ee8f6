"""What commands use in addition to the public names of ``backhaul``; each name is loaded on first use.

The ``--help`` of a command imports the command's module for its options, but nothing that it runs.
"""

# ruff: noqa: PLC0414 - "as" tells type checkers that a name is exported

from typing import TYPE_CHECKING, Final

from backhaul import lazy

if TYPE_CHECKING:
    from backhaul.archive.gaps import gap_ranges as gap_ranges
    from backhaul.archive.jobs import known_jobs as known_jobs
    from backhaul.archive.known_files import known_files as known_files
    from backhaul.config.batch import load_configs as load_configs
    from backhaul.config.batch import load_outline as load_outline
    from backhaul.config.batch import run_wide as run_wide
    from backhaul.config.init import example as example
    from backhaul.config.schema import schema as schema
    from backhaul.events import both as both
    from backhaul.notify.event_file import EventFile as EventFile
    from backhaul.notify.event_log import EventLog as EventLog
    from backhaul.notify.event_schema import event_schema as event_schema
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
    from backhaul.views.status_table import JobLine as JobLine
    from backhaul.views.status_table import doubtful as doubtful
    from backhaul.views.status_table import notes as notes
    from backhaul.views.status_table import status_table as status_table
    from backhaul.views.watched import Picture as Picture
    from backhaul.views.watched import WatchedProgress as WatchedProgress
    from backhaul.views.watched import lines as lines
    from backhaul.views.watched import watched as watched

_NAMES: Final = {
    "backhaul.archive.gaps": ("gap_ranges",),
    "backhaul.archive.jobs": ("known_jobs",),
    "backhaul.archive.known_files": ("known_files",),
    "backhaul.config.batch": ("load_configs", "load_outline", "run_wide"),
    "backhaul.config.init": ("example",),
    "backhaul.config.schema": ("schema",),
    "backhaul.events": ("both",),
    "backhaul.notify.event_file": ("EventFile",),
    "backhaul.notify.event_log": ("EventLog",),
    "backhaul.notify.event_schema": ("event_schema",),
    "backhaul.plugins.discovery": ("Plugins",),
    "backhaul.run.asking": ("ask_each",),
    "backhaul.run.prepare": ("make_http",),
    "backhaul.selection": ("Selection",),
    "backhaul.storage.job": ("url_of",),
    "backhaul.testing.faults": ("KINDS",),
    "backhaul.testing.serve": ("emulators",),
    "backhaul.views": ("Look", "gap_map"),
    "backhaul.views.gap_map": ("Cell",),
    "backhaul.views.status_table": ("JobLine", "doubtful", "notes", "status_table"),
    "backhaul.views.watched": ("Picture", "WatchedProgress", "lines", "watched"),
}

if not TYPE_CHECKING:  # checkers know only the names above
    __getattr__, __dir__ = lazy.names(__name__, _NAMES)
