"""Derives a file's content from the suffix of its name."""

from difflib import get_close_matches
from typing import Any, Final

from backhaul import CONTENTS

_SAME: Final = {"tgz": "tar.gz", "tbz2": "tar.bz2", "txz": "tar.xz", "gzip": "gz", "bzip2": "bz2"}


def content_of(name: str) -> str:
    """The content of a file by its name: ``csv.gz`` of ``x.csv.gz``, ``bytes`` where nothing tells.

    ``.json.gz`` is taken for ``gz``: whether its lines are records cannot be seen from the name.
    """
    words = name.rpartition("/")[2].lower().replace(".ndjson", ".jsonl").split(".")
    for ending in (".".join(words[-2:]), words[-1]) if len(words) > 1 else ():
        for each in (ending, _SAME.get(ending, "")):
            if each in CONTENTS and each != "bytes":
                return each
    return "bytes"


def parse_content(value: Any) -> str:
    """A value of ``content:``. Raises ValueError, which says what to write."""
    if not isinstance(value, str) or value not in CONTENTS:
        like = get_close_matches(str(value), CONTENTS, 1)
        hint = f"; did you mean {like[0]}?" if like else ""
        raise ValueError(f"should be one of {', '.join(CONTENTS)}{hint}")
    return value
