"""Logging to stderr and to a file, as text or JSON Lines, with all secrets redacted.

All output is redacted as a whole: messages, arguments, tracebacks, the debug output of urllib3 and
libcurl, and uncaught exceptions, including those of threads.
"""

import json
import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TextIO

from backhaul.errors import DiskError
from backhaul.foreign import printable
from backhaul.oserrors import describe
from backhaul.redact import redact

Style = Literal["text", "json"]

_LEVELS: Mapping[int, int] = {
    -1: logging.ERROR,
    0: logging.WARNING,
    1: logging.INFO,
    2: logging.DEBUG,
}
_HANDLER = "backhaul.stderr"
_FILE = "backhaul.file"
# Attributes of every record; any other comes from `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """Formats ``warning: message``, with a timestamp from -v on."""

    def __init__(self, *, times: bool = False) -> None:
        super().__init__()
        self._times = times

    def format(self, record: logging.LogRecord) -> str:
        """Format and redact the record."""
        time = f"{_moment(record)} " if self._times else ""
        text = f"{time}{record.levelname.lower()}: {printable(record.getMessage())}"
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        parts = (text, record.exc_text, record.stack_info)
        return redact("\n".join(part for part in parts if part))


class JsonFormatter(logging.Formatter):
    """Formats one JSON object per line: time, level, logger, message and `extra` values."""

    def format(self, record: logging.LogRecord) -> str:
        """Format the record as a JSON line with each string redacted."""
        fields: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                plain = value is None or isinstance(value, bool | int | float)
                fields[name] = value if plain else redact(str(value))
        if record.exc_info or record.exc_text:
            text = record.exc_text or self.formatException(record.exc_info or (None, None, None))
            fields["traceback"] = redact(text)
        return json.dumps(fields, ensure_ascii=False)


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to the current sys.stderr."""

    def __init__(self) -> None:
        super().__init__()
        self.set_name(_HANDLER)
        self.addFilter(_not_printed)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - overrides logging
        """Report a record that could not be written; logging would print it unredacted."""
        kind, error, _ = sys.exc_info()
        if isinstance(error, OSError | ValueError):  # stderr is closed or full
            return
        name = kind.__name__ if kind else "error"
        self.stream.write(redact(f"error: invalid log message from {record.name}: {name}\n"))


def _not_printed(record: logging.LogRecord) -> bool:
    """Whether the record was not already written to stderr in the command's own words."""
    return not getattr(record, "printed", False)


def setup(*, verbosity: int = 0, style: Style = "text", file: Path | None = None) -> None:
    """Configure logging. May be called again; the last call wins.

    Args:
        verbosity: -1 errors only (-q), 0 warnings, 1 info (-v), 2 debug (-vv), including urllib3
            and libcurl.
        style: ``text`` or ``json``.
        file: also append the log to this file, at least at the level of -v.

    Raises:
        DiskError: the file cannot be written.
    """
    verbosity = min(max(verbosity, -1), 2)
    root = logging.getLogger()
    for old in [each for each in root.handlers if each.get_name() in {_HANDLER, _FILE}]:
        root.removeHandler(old)
        old.close()
    handler = _StderrHandler()
    times = verbosity > 0
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter(times=times))
    root.addHandler(handler)
    root.setLevel(_LEVELS[verbosity])
    # Libraries log connections at DEBUG, and retries at WARNING, which backhaul does itself.
    logging.getLogger("urllib3").setLevel(logging.DEBUG if verbosity >= 2 else logging.ERROR)  # noqa: PLR2004 - -vv
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable
    if file is not None:
        _log_to(file, style)


def _log_to(file: Path, style: Style) -> None:
    try:
        written = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise DiskError(f"--log-file {file}: {describe(error, file)}") from None
    written.set_name(_FILE)
    written.setFormatter(JsonFormatter() if style == "json" else TextFormatter(times=True))
    root = logging.getLogger()
    shown = root.level
    for handler in root.handlers:
        handler.setLevel(max(handler.level, shown))
    root.addHandler(written)
    root.setLevel(min(shown, logging.INFO))


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    text = "".join(traceback.format_exception(kind, error, trace))
    logging.getLogger("backhaul").critical("unexpected %s\n%s", kind.__name__, text.rstrip())


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _log_unraisable(args: "sys.UnraisableHookArgs") -> None:
    text = "".join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback))
    logging.getLogger("backhaul").error("%s\n%s", args.err_msg or "ignored", text.rstrip())
