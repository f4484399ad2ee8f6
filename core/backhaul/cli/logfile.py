"""Logging to stderr and, optionally, to a more detailed file."""

import logging
from pathlib import Path
from typing import Final

from backhaul import log
from backhaul.errors import DiskError
from backhaul.oserrors import describe

_FILE: Final = "backhaul.file"


def start(level: int, *, json: bool, file: Path | None) -> None:
    """Start logging.

    Args:
        level: as ``backhaul.log.setup`` takes it.
        json: JSON Lines instead of text.
        file: also append the log to this file, at least at the level of -v.

    Raises:
        DiskError: the file cannot be written.
    """
    log.setup(verbosity=level, style="json" if json else "text")
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if handler.get_name() == _FILE]:
        root.removeHandler(old)
        old.close()
    for handler in root.handlers:
        if handler.get_name() != _FILE and handler.get_name() is not None:
            handler.addFilter(_not_printed)
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


def _not_printed(record: logging.LogRecord) -> bool:
    """Whether the record was not already written to stderr in the command's own words."""
    return not getattr(record, "printed", False)
