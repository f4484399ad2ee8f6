"""The values of a job, for fields such as ``{symbol}``: each combination is a series of files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import product
from math import prod
from urllib.parse import quote

from backhaul_http_archives.keys import RESERVED

Values = Mapping[str, Sequence[str]]

SERIES = "series"
"""The key of a file's meta that names its combination of values."""
MOST = 1_000_000
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SAFE = "/:@,+=~-._!$&'()*;"  # what may appear in a path unescaped


def check_values(values: Values) -> None:
    """Raises ValueError for values that cannot be put into a template; says what to write."""
    for name, texts in values.items():
        if _WORD.fullmatch(name) is None or name in RESERVED:
            taken = "is a reserved field" if name in RESERVED else "is not a plain word"
            raise ValueError(f"has {name!r}, which {taken}; write a name such as symbol")
        twice = next((text for text in texts if texts.count(text) > 1), None)
        if twice is not None:
            raise ValueError(f"lists {twice!r} twice under {name}; write it once")
        for text in texts:
            if not text or not text.isprintable() or ".." in re.split(r"[/\\]", text):
                raise ValueError(f"has {text!r} under {name}, which cannot be part of a URL")
    if prod(len(texts) for texts in values.values()) > MOST:
        raise ValueError(f"has more than {MOST:,} combinations; split them over several jobs")


def check_fields(fields: Sequence[str], values: Values, where: str) -> None:
    """Raises ValueError if a template has fields without values.

    Args:
        fields: names that the template has.
        values: of the job.
        where: which template, for the message.
    """
    for name in fields:
        if name not in values:
            like = get_close_matches(name, values, 1)
            hint = f"; did you mean {{{like[0]}}}?" if like else ""
            raise ValueError(
                f"needs values for {{{name}}} of the source's {where}; write values: {{{name}: [...]}}"
                f" in the job{hint}"
            )


def combinations(values: Values) -> Iterator[dict[str, str]]:
    """Each combination of values, in the order of the YAML."""
    for each in product(*values.values()):
        yield dict(zip(values, each, strict=True))


def label(texts: Mapping[str, str]) -> str:
    """A combination's display name; '' without values."""
    return " ".join(texts.values())


def in_url(texts: Mapping[str, str]) -> dict[str, str]:
    """The texts for a URL: characters that would end the path are escaped."""
    return {name: quote(text, safe=_SAFE) for name, text in texts.items()}
