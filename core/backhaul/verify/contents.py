"""Parses content names: ``FORM``, ``PACKING`` or ``FORM.PACKING``; see ``RemoteFile.content``."""

from backhaul.types import CONTENTS, PACKINGS


def parts(content: str) -> tuple[str, str]:
    """Splits a content name: ``("jsonl", "gz")``. The form of a bare packing is ``bytes``."""
    form, _, packing = content.rpartition(".")
    return (form or "bytes", packing) if packing in PACKINGS else (content, "")


def _where(*, form: str = "", packing: str = "") -> frozenset[str]:
    return frozenset(
        name
        for name in CONTENTS
        if form in {"", parts(name)[0]} and packing in {"", parts(name)[1]}
    )


KINDS = frozenset(CONTENTS)
LINES = _where(form="jsonl")
ROWS = _where(form="csv") | _where(form="json")
"""Other contents whose records are read one by one; see ``archive.as_json_lines``."""
GZIP = _where(packing="gz")
DOCUMENTS = frozenset({"json", "xml"})
# Reading one of these to the end proves that it is complete.
PROVABLE = KINDS - {"jsonl", "csv", "bytes"}
# Verified in under a millisecond when small; all others are slower or import a library first.
QUICK = DOCUMENTS | {"jsonl.gz", "jsonl", "gz", "bytes"}
