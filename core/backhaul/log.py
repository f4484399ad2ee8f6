"""Logging to stderr, as text or JSON Lines, with every secret taken out.

All that is written passes the redactor as a whole: messages, arguments, tracebacks, and the debug
output of urllib3 and libcurl. So do uncaught exceptions, of threads too.
"""

import json
import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO

from backhaul.foreign import printable
from backhaul.redact import redact

Style = Literal["text", "json"]

_LEVELS: Mapping[int, int] = {
    -1: logging.ERROR,
    0: logging.WARNING,
    1: logging.INFO,
    2: logging.DEBUG,
}
_HANDLER = "backhaul.stderr"
# What every record has; all else was given as `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class RedactingFilter(logging.Filter):
    """Cleans a record itself; for handlers whose formatter is not one of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace message, arguments and traceback by their redacted text; keep the record."""
        record.msg, record.args = printable(redact(record.getMessage())), None
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True


class TextFormatter(logging.Formatter):
    """``warning: message``; from -v on with the time before it."""

    def __init__(self, *, times: bool = False) -> None:
        super().__init__()
        self._times = times

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, redacted as a whole."""
        time = f"{_moment(record)} " if self._times else ""
        text = f"{time}{record.levelname.lower()}: {printable(record.getMessage())}"
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        parts = (text, record.exc_text, record.stack_info)
        return redact("\n".join(part for part in parts if part))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line of JSON, each text redacted."""
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
    """Writes to the stream it was given, or to whatever sys.stderr is at that moment."""

    def __init__(self, stream: TextIO | None) -> None:
        self._fixed = stream
        super().__init__(stream)
        self.set_name(_HANDLER)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = self._fixed or sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say in clean words that a record could not be written; logging would print it raw."""
        kind, error, _ = sys.exc_info()
        if isinstance(error, OSError | ValueError):  # stderr is closed or full: nowhere to say it
            return
        name = kind.__name__ if kind else "error"
        self.stream.write(redact(f"error: a log message of {record.name} is broken: {name}\n"))


def setup(*, verbosity: int = 0, style: Style = "text", stream: TextIO | None = None) -> None:
    """Send the log to stderr. May be called again; the last call counts.

    Args:
        verbosity: -1 errors only (-q), 0 warnings, 1 what happens (-v), 2 debug (-vv), which
            includes urllib3's and libcurl's.
        style: ``text`` or ``json``.
        stream: where to write instead, such as a progress display's own file.
    """
    verbosity = min(max(verbosity, -1), 2)
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if handler.get_name() == _HANDLER]:
        root.removeHandler(old)
    handler = _StderrHandler(stream)
    times = verbosity > 0
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter(times=times))
    root.addHandler(handler)
    root.setLevel(_LEVELS[verbosity])
    # Libraries tell of each connection at DEBUG, and of retries at WARNING, which we do ourselves.
    logging.getLogger("urllib3").setLevel(logging.DEBUG if verbosity >= 2 else logging.ERROR)  # noqa: PLR2004 - -vv
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable


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
