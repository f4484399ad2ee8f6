"""Parses a file into nodes: UTF-8, one YAML document, a mapping at the top level."""

import re
from pathlib import Path

import yaml

from backhaul import defaults
from backhaul.config.compose import Composer, StopReadingError
from backhaul.config.diagnostics import Diagnostics, Place
from backhaul.config.nodes import MapNode, Node, ScalarNode, kind

MAX_BYTES = 4 << 20
"""Maximum size of a YAML file."""

_PLAIN = r"[\t\n\r\x20-\x7e]*"
# What yaml.SafeLoader calls printable; libyaml also rejects a byte order mark inside a file.
# Compiled on demand: compiling takes longer than reading most files.
_UNPRINTABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
_CREATE = "name a YAML file, or create this one with `backhaul init PROVIDER`"
_START = "run `backhaul init` for an example to start from"


def read_file(path: Path, file: str, diagnostics: Diagnostics) -> MapNode | None:
    """Parse a file into a tree; None if it is invalid, with the reason in ``diagnostics``."""
    try:
        data = _read(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        absent = file == defaults.CONFIG and isinstance(error, FileNotFoundError)
        remedy = _CREATE if absent else "check the path and its permissions"
        diagnostics.add(Place(file, 0, 0), f"cannot be read: {reason}", remedy)
        return None
    return parse(data, file, diagnostics)


def is_stream(path: Path) -> bool:
    """Whether a configuration is read from a pipe or a terminal: ``-``, ``/dev/stdin``, ``<(...)``."""
    return path == STDIN or (path.exists() and not path.is_file())


STDIN = Path("-")
_streams: dict[Path, bytes] = {}  # their contents: a stream can be read only once


def _read(path: Path) -> bytes:
    if not is_stream(path) or path.is_dir():
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    if path not in _streams:
        with open(0 if path == STDIN else path, "rb", closefd=path != STDIN) as stream:
            _streams[path] = stream.read(MAX_BYTES + 1)
    return _streams[path]


def parse(data: bytes, file: str, diagnostics: Diagnostics) -> MapNode | None:
    """Parse bytes into a tree; None if they are invalid, with the reason in ``diagnostics``."""
    if len(data) > MAX_BYTES:
        what = f"the file is larger than {MAX_BYTES >> 20} MiB"
        diagnostics.add(Place(file), what, "split it; run takes several files")
        return None
    text = _decode(data, file, diagnostics)
    if text is None:
        return None
    try:
        root = Composer(text, file, diagnostics).document()
    except StopReadingError:
        return None
    except yaml.MarkedYAMLError as error:
        _syntax(error, text, file, diagnostics)
        return None
    return _mapping(root, file, diagnostics)


def _mapping(root: Node | None, file: str, diagnostics: Diagnostics) -> MapNode | None:
    if root is None or (isinstance(root, ScalarNode) and root.value is None):
        diagnostics.add(Place(file), "the file is empty", _START)
        return None
    if not isinstance(root, MapNode):
        what = f"the file should be a mapping (sources, jobs, settings), not {kind(root)}"
        diagnostics.add(root.place, what, _START)
        return None
    return root


def _decode(data: bytes, file: str, diagnostics: Diagnostics) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", "replace")
        what = "this byte is not UTF-8" if b"\0" not in data[:4] else "the file is not UTF-8"
        diagnostics.add(_place(before, len(before), file), what, "save the file as UTF-8")
        return None
    bad = None if re.fullmatch(_PLAIN, text) else re.search(_UNPRINTABLE, text)
    if bad is None:
        return text
    what = f"the character U+{ord(bad[0]):04X} is not allowed in YAML"
    diagnostics.add(_place(text, bad.start(), file), what, "remove it, or save the file as UTF-8")
    return None


def _place(text: str, index: int, file: str) -> Place:
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return Place(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str, diagnostics: Diagnostics) -> None:
    """Report libyaml's error, with a clearer message for tabs."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    here = lines[line] if line < len(lines) else ""
    margin = here[: len(here) - len(here.lstrip())]
    if "\t" in margin or here[column : column + 1] == "\t":
        column = margin.index("\t") if "\t" in margin else column
        what, remedy = "YAML does not allow a tab here", "replace it with spaces"
    else:
        context = f" {error.context}" if error.context else ""
        what = f"invalid YAML: {error.problem}{context}"
        remedy = "check the indentation, colons and quotes around here"
    diagnostics.add(Place(file, line + 1, column + 1), what, remedy)
