"""datapackage.json describes each content type."""

import json

import pytest

from backhaul.archive.manifest.lines import resource
from backhaul.ledger.rows import ManifestRow
from backhaul.types import CONTENTS

WANTED = {
    "jsonl.zst": ("jsonl", "application/x-ndjson", "zst", "utf-8"),
    "csv.bz2": ("csv", "text/csv", "bz2", None),
    "csv": ("csv", "text/csv", None, None),
    "tar.xz": ("tar", "application/x-tar", "xz", None),
    "parquet": ("parquet", "application/vnd.apache.parquet", None, None),
    "zip": ("zip", "application/zip", None, None),
    "xz": ("bin", "application/octet-stream", "xz", None),
    "bytes": ("bin", "application/octet-stream", None, None),
}


def described(content: str) -> dict[str, object]:
    values = dict.fromkeys(ManifestRow._fields) | {"name": "a", "content": content, "sha256": "0"}
    found: dict[str, object] = json.loads(resource(ManifestRow(**values)))
    return found


@pytest.mark.parametrize("content", WANTED)
def test_a_resource_says_what_it_contains_and_how_it_is_packed(content: str) -> None:
    found = described(content)

    keys = ("format", "mediatype", "compression", "encoding")
    assert tuple(found.get(key) for key in keys) == WANTED[content]


def test_each_content_is_described() -> None:
    assert all(described(content)["format"] for content in CONTENTS)
