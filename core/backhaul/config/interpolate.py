"""``${VAR}`` in values, in Docker Compose syntax; substituted text is not expanded again."""

import re
from collections.abc import Mapping

_FORMS = "write ${NAME}, ${NAME:-default} or ${NAME:?message}; $${ stands for a literal ${"
_REFERENCE = r"\$(?:(?P<dollar>\$)|\{(?:(?P<body>[^}]*)\})?)"
_BODY = r"(?s)(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<form>[-?])(?P<word>.*))?"


class InterpolationError(ValueError):
    """A variable is not set, or its syntax is unknown; ``faults`` has (what, remedy)."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(what for what, _ in faults))
        self.faults = faults


def has_variables(text: str) -> bool:
    """Whether ``interpolate`` would change or reject the text."""
    return "${" in text or "$$" in text


def interpolate(text: str, env: Mapping[str, str], *, keep_unset: bool = False) -> str:
    """Substitute variables: ``${V}``, ``${V:-default}``, ``${V:?message}``, ``$$`` for ``$``.

    A bare ``$`` is kept. With ``:-`` and ``:?`` an empty variable counts as not set.

    Args:
        text: the value as written in the file.
        env: the variables.
        keep_unset: leave unset variables unchanged, for offline commands.

    Raises:
        InterpolationError: with all errors in this text.
    """
    faults: list[tuple[str, str]] = []

    def put(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        body = match["body"]
        form = None if body is None else re.fullmatch(_BODY, body)
        if form is None or "${" in (form["word"] or ""):
            faults.append(("invalid ${...} reference", _FORMS))
            return ""
        name, value = form["name"], env.get(form["name"])
        if value is not None and (value or form["form"] is None):
            if (not value.isascii() and not _is_unicode(value)) or "\0" in value:
                faults.append(
                    (f"the environment variable {name} is not UTF-8 text", "set it to UTF-8 text")
                )
            return value
        if form["form"] == "-":
            return form["word"].replace("$$", "$")
        if keep_unset:
            return match[0]
        state = "not set" if value is None else "empty"
        asked = f": {form['word'].strip()}" if form["word"] else ""
        faults.append((f"the environment variable {name} is {state}{asked}", f"export {name}=..."))
        return ""

    done = re.sub(_REFERENCE, put, text)
    if faults:
        raise InterpolationError(faults)
    return done


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
