"""The public API for commands in other packages, in addition to ``backhaul`` itself.

An entry point of the group ``backhaul.commands`` names the command and points to a function that
is decorated with ``command`` and returns the exit code::

    from backhaul import ExitCode
    from backhaul.commands import Configs, command, known_jobs, load_outline, output

    @command
    def names(configs: Configs) -> int:
        "List the names of all jobs."
        for job in known_jobs(load_outline(configs)):
            output.line(job.name)
        return ExitCode.OK

The first line of its docstring is its help in ``backhaul --help``; the module is imported when the
command is called. Names are loaded when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backhaul.archive.coverage import job_ranges, job_slots
    from backhaul.archive.jobs import KnownJob, known_jobs
    from backhaul.archive.manifest.lines import iso, sum_line
    from backhaul.archive.reading import verify_file
    from backhaul.archive.records import LineTooLongError
    from backhaul.archive.slot_views import SlotView, on_disk_state
    from backhaul.archive.stored import DamagedFileError, StoredFile
    from backhaul.cli import output
    from backhaul.cli.common import Configs, JobNames, Json, Offline, command
    from backhaul.cli.complaints import complain
    from backhaul.cli.selecting import selecting
    from backhaul.cli.writing import write_file
    from backhaul.config import Config, JobSpec
    from backhaul.config.batch import load_configs, load_outline
    from backhaul.durable import sync_folder
    from backhaul.errors import DiskError, PluginError, worst
    from backhaul.ledger.ledger import Ledger
    from backhaul.ledger.rows import FileRow, JobRow, moment, stamp
    from backhaul.oserrors import describe
    from backhaul.plugins.discovery import Plugins, entry_points
    from backhaul.plugins.facade import Provider
    from backhaul.redact import redact
    from backhaul.run.decide import is_gap
    from backhaul.storage.atomic import write_whole
    from backhaul.storage.destination import Destination
    from backhaul.storage.lease import Lease
    from backhaul.storage.location import Location
    from backhaul.storage.opening import (
        InTheWayError,
        create,
        open_to_read,
        regular,
        remove,
        replace,
    )
    from backhaul.storage.sizes import sizes
    from backhaul.types import HERE
    from backhaul.verify.contents import KINDS, LINES
    from backhaul.verify.fault import VerifyFault
    from backhaul.verify.frames import zstd
    from backhaul.verify.inflate import Inflater
    from backhaul.verify.limits import ContentLimits
    from backhaul.verify.verifier import unpacker
    from backhaul.views.notes import notes
    from backhaul.wording import count, day_or_time, human, until

_MODULES = {
    # Options, and the wrapper that turns every outcome into an exit code.
    "backhaul.cli.common": ("Configs", "JobNames", "Json", "Offline", "command"),
    "backhaul.cli.selecting": ("selecting",),
    "backhaul.errors": ("DiskError", "PluginError", "worst"),
    # Output.
    "backhaul.cli": ("output",),
    "backhaul.cli.complaints": ("complain",),
    "backhaul.cli.writing": ("write_file",),
    "backhaul.oserrors": ("describe",),
    "backhaul.redact": ("redact",),
    "backhaul.views.notes": ("notes",),
    "backhaul.wording": ("count", "day_or_time", "human", "until"),
    # Configurations, providers, and the jobs in the ledger.
    "backhaul.config": ("Config", "JobSpec"),
    "backhaul.config.batch": ("load_configs", "load_outline"),
    "backhaul.plugins.discovery": ("Plugins", "entry_points"),
    "backhaul.plugins.facade": ("Provider",),
    "backhaul.archive.jobs": ("KnownJob", "known_jobs"),
    # A job's slots and files.
    "backhaul.archive.coverage": ("job_ranges", "job_slots"),
    "backhaul.archive.slot_views": ("SlotView", "on_disk_state"),
    "backhaul.archive.manifest.lines": ("iso", "sum_line"),
    "backhaul.ledger.ledger": ("Ledger",),
    "backhaul.ledger.rows": ("FileRow", "JobRow", "moment", "stamp"),
    "backhaul.types": ("HERE",),
    "backhaul.run.decide": ("is_gap",),
    # A file's bytes, verified while they are read.
    "backhaul.archive.reading": ("verify_file",),
    "backhaul.archive.records": ("LineTooLongError",),
    "backhaul.archive.stored": ("DamagedFileError", "StoredFile"),
    "backhaul.storage.destination": ("Destination",),
    "backhaul.storage.sizes": ("sizes",),
    "backhaul.verify.contents": ("KINDS", "LINES"),
    "backhaul.verify.fault": ("VerifyFault",),
    "backhaul.verify.frames": ("zstd",),
    "backhaul.verify.inflate": ("Inflater",),
    "backhaul.verify.limits": ("ContentLimits",),
    "backhaul.verify.verifier": ("unpacker",),
    # The command's own files, next to the archive: durable, one writer at a time.
    "backhaul.durable": ("sync_folder",),
    "backhaul.storage.lease": ("Lease",),
    "backhaul.storage.location": ("Location",),
    "backhaul.storage.atomic": ("write_whole",),
    "backhaul.storage.opening": (
        "InTheWayError", "create", "open_to_read", "regular", "remove", "replace",
    ),
}  # fmt: skip
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "HERE",
    "KINDS",
    "LINES",
    "Config",
    "Configs",
    "ContentLimits",
    "DamagedFileError",
    "Destination",
    "DiskError",
    "FileRow",
    "InTheWayError",
    "Inflater",
    "JobNames",
    "JobRow",
    "JobSpec",
    "Json",
    "KnownJob",
    "Lease",
    "Ledger",
    "LineTooLongError",
    "Location",
    "Offline",
    "PluginError",
    "Plugins",
    "Provider",
    "SlotView",
    "StoredFile",
    "VerifyFault",
    "command",
    "complain",
    "count",
    "create",
    "day_or_time",
    "describe",
    "entry_points",
    "human",
    "is_gap",
    "iso",
    "job_ranges",
    "job_slots",
    "known_jobs",
    "load_configs",
    "load_outline",
    "moment",
    "notes",
    "on_disk_state",
    "open_to_read",
    "output",
    "redact",
    "regular",
    "remove",
    "replace",
    "selecting",
    "sizes",
    "stamp",
    "sum_line",
    "sync_folder",
    "unpacker",
    "until",
    "verify_file",
    "worst",
    "write_file",
    "write_whole",
    "zstd",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'backhaul.commands' has no attribute {name!r}")
    value = (
        import_module(f"{home}.{name}") if name == "output" else getattr(import_module(home), name)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
