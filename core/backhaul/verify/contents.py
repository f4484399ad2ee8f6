"""What the name of a content says: ``FORM``, ``PACKING``, or ``FORM.PACKING``; see ``RemoteFile.content``."""

from backhaul.types import CONTENTS, PACKINGS


def parts(content: str) -> tuple[str, str]:
    """The form and the packing: ``("jsonl", "gz")``; ``bytes`` where any bytes are packed, else ``""``."""
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
GZIP = _where(packing="gz")
DOCUMENTS = frozenset({"json", "xml"})
# Reading them to the end shows that they are whole.
PROVABLE = KINDS - {"jsonl", "csv", "bytes"}
# Read within a millisecond when they are small; all others are slow, or load a library first.
QUICK = DOCUMENTS | {"jsonl.gz", "jsonl", "gz", "bytes"}
