"""The log on stderr and, where wished, in a file that knows more."""

import logging
import sys
from collections import Counter
from copy import copy
from pathlib import Path
from typing import Final

from backhaul import log
from backhaul.cli import output
from backhaul.errors import DiskError
from backhaul.oserrors import describe

_FILE: Final = "backhaul.file"
_SHOWN: Final = 10
_MORE: Final = "%s: and more files; the summary counts them, -v or --log-file has each"


def start(level: int, *, json: bool, file: Path | None) -> None:
    """Begin the log.

    Args:
        level: as ``backhaul.log.setup`` takes it.
        json: JSON Lines instead of text.
        file: where to write it as well, from -v's level on; appended to.

    Raises:
        DiskError: the file cannot be written.
    """
    log.setup(verbosity=level, style="json" if json else "text")
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if handler.get_name() == _FILE]:
        root.removeHandler(old)
        old.close()
    bounded = level <= 0 and not json and output.is_terminal(sys.stderr)
    for handler in root.handlers:
        if handler.get_name() != _FILE and handler.get_name() is not None:
            handler.addFilter(_not_said)
            if bounded:
                handler.addFilter(_FirstFew(handler))
    if file is None:
        return
    try:
        written = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise DiskError(f"--log-file {file}: {describe(error, file)}") from None
    written.set_name(_FILE)
    written.setFormatter(log.JsonFormatter() if json else log.TextFormatter(times=True))
    shown = root.level
    for handler in root.handlers:
        handler.setLevel(max(handler.level, shown))
    root.addHandler(written)
    root.setLevel(min(shown, logging.INFO))


class _FirstFew(logging.Filter):
    """Lets a job's first few failed files through: a terminal is no place for thousands of lines.

    The summary says each kind again, with the files' number and names.
    """

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__()
        self._handler = handler
        self._seen: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Counts failures of files by job; after the last one shown it says that there are more."""
        job = getattr(record, "file_of", None)
        if job is None:
            return True
        self._seen[job] += 1
        if self._seen[job] == _SHOWN + 1:
            more = copy(record)
            more.msg, more.args = _MORE, (job,)
            del more.file_of  # type: ignore[attr-defined]  # given as `extra`
            self._handler.handle(more)
        return self._seen[job] <= _SHOWN


def _not_said(record: logging.LogRecord) -> bool:
    """Whether the record was not written to stderr already, in the command's own words."""
    return not getattr(record, "said", False)
