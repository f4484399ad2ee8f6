"""Derives a file's content from the suffix of its name."""

from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from backhaul import CONTENTS

_SAME: Final = {"tgz": "tar.gz", "tbz2": "tar.bz2", "txz": "tar.xz", "gzip": "gz", "bzip2": "bz2"}


def content_of(name: str) -> str:
    """The content of a file by its name: ``csv.gz`` for ``x.csv.gz``, ``bytes`` if unknown.

    ``.json.gz`` means ``gz``, because the name does not show whether its lines are records.
    """
    last = name.rpartition("/")[2]
    before = last.rfind(".", 0, max(0, last.rfind(".")))
    return _of_ending(last if before < 0 else last[before:])


@lru_cache(maxsize=1024)
def _of_ending(name: str) -> str:
    """The same for the end of a name: its last two words, with the dot before them if there is one."""
    words = name.lower().replace(".ndjson", ".jsonl").split(".")
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
