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
command is called. Names are loaded when first used; ``output``, ``wording`` and ``opening`` are modules.
"""

from typing import TYPE_CHECKING, Final

from backhaul import lazy

if TYPE_CHECKING:
    from backhaul import wording
    from backhaul.archive.beside import Beside
    from backhaul.archive.earlier_runs import EarlierRuns
    from backhaul.archive.jobs import KnownJob, known_jobs
    from backhaul.archive.slot_views import SlotView
    from backhaul.cli import output
    from backhaul.cli.common import Configs, Csv, JobNames, Json, command
    from backhaul.cli.complaints import complain
    from backhaul.cli.csv_lines import write_csv
    from backhaul.cli.selecting import selecting
    from backhaul.cli.writing import write_file
    from backhaul.config import Config, JobSpec, Settings, Source
    from backhaul.config.batch import load_configs, load_outline
    from backhaul.descriptors import shares
    from backhaul.errors import worst
    from backhaul.http.probe import ServerProbe
    from backhaul.ledger.rows import CHANGED, FileRow, JobRow, moment
    from backhaul.oserrors import describe
    from backhaul.plugins.discovery import Plugins, entry_points
    from backhaul.plugins.facade import Provider
    from backhaul.plugins.secrets import option_values
    from backhaul.redact import redact
    from backhaul.run.decide import is_gap
    from backhaul.run.rejected import RejectedBody, kept_bodies, rejected_folder
    from backhaul.storage import opening
    from backhaul.storage.atomic import write_whole
    from backhaul.storage.lease import Lease
    from backhaul.storage.location import Location
    from backhaul.storage.place import sync_folder
    from backhaul.storage.stores.trial import try_store
    from backhaul.transfer.cluster.trial import try_cluster
    from backhaul.types import HERE
    from backhaul.verify.contents import LINES, ROWS
    from backhaul.views.status_table import notes

_NAMES: Final = {
    # Options, and the wrapper that turns every outcome into an exit code.
    "backhaul.cli.common": ("Configs", "Csv", "JobNames", "Json", "command"),
    "backhaul.cli.selecting": ("selecting",),
    "backhaul.errors": ("worst",),
    # Output.
    "backhaul": ("wording",),
    "backhaul.cli": ("output",),
    "backhaul.cli.complaints": ("complain",),
    "backhaul.cli.csv_lines": ("write_csv",),
    "backhaul.cli.writing": ("write_file",),
    "backhaul.oserrors": ("describe",),
    "backhaul.redact": ("redact",),
    "backhaul.views.status_table": ("notes",),
    # Configurations and providers.
    "backhaul.config": ("Config", "JobSpec", "Settings", "Source"),
    "backhaul.config.batch": ("load_configs", "load_outline"),
    "backhaul.plugins.discovery": ("Plugins", "entry_points"),
    "backhaul.plugins.facade": ("Provider",),
    "backhaul.plugins.secrets": ("option_values",),
    # The local state of jobs: slots, files, records.
    "backhaul.run.rejected": ("RejectedBody", "kept_bodies", "rejected_folder"),
    "backhaul.archive.beside": ("Beside",),
    "backhaul.archive.jobs": ("KnownJob", "known_jobs"),
    "backhaul.archive.slot_views": ("SlotView",),
    "backhaul.ledger.rows": ("CHANGED", "FileRow", "JobRow", "moment"),
    "backhaul.run.decide": ("is_gap",),
    "backhaul.storage.location": ("Location",),
    "backhaul.types": ("HERE",),
    "backhaul.verify.contents": ("LINES", "ROWS"),
    # A command's own files next to the archive: durable, one writer at a time.
    "backhaul.storage.place": ("sync_folder",),
    "backhaul.storage": ("opening",),
    "backhaul.storage.atomic": ("write_whole",),
    "backhaul.storage.lease": ("Lease",),
    # What a run needs.
    "backhaul.archive.earlier_runs": ("EarlierRuns",),
    "backhaul.descriptors": ("shares",),
    "backhaul.http.probe": ("ServerProbe",),
    "backhaul.storage.stores.trial": ("try_store",),
    "backhaul.transfer.cluster.trial": ("try_cluster",),
}  # fmt: skip

__all__ = [
    "CHANGED",
    "HERE",
    "LINES",
    "ROWS",
    "Beside",
    "Config",
    "Configs",
    "Csv",
    "EarlierRuns",
    "FileRow",
    "JobNames",
    "JobRow",
    "JobSpec",
    "Json",
    "KnownJob",
    "Lease",
    "Location",
    "Plugins",
    "Provider",
    "RejectedBody",
    "ServerProbe",
    "Settings",
    "SlotView",
    "Source",
    "command",
    "complain",
    "describe",
    "entry_points",
    "is_gap",
    "kept_bodies",
    "known_jobs",
    "load_configs",
    "load_outline",
    "moment",
    "notes",
    "opening",
    "option_values",
    "output",
    "redact",
    "rejected_folder",
    "selecting",
    "shares",
    "sync_folder",
    "try_cluster",
    "try_store",
    "wording",
    "worst",
    "write_csv",
    "write_file",
    "write_whole",
]

if not TYPE_CHECKING:  # checkers know only the names above
    __getattr__, __dir__ = lazy.names(__name__, _NAMES)
