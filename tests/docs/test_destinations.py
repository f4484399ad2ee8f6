"""docs/destinations.md: its first commands fill a bucket of a real store."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.docs.blocks import ROOT, blocks
from tests.docs.reader import Reader
from tests.seaweed import PRIVATE, seaweed, use_keys


@pytest.mark.matrix
def test_the_first_commands_of_the_page_fill_a_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_keys(monkeypatch)
    page = list(blocks(ROOT / "docs/destinations.md"))
    first = next(block for block in page if "backhaul doctor" in block.text)
    exported, commands = first.text.split("\n", 1)
    (own,) = (block.text for block in page if "127.0.0.1" in block.text and block.kind == "yaml")
    settings = yaml.safe_load(own)["settings"]

    with seaweed(tmp_path / "weed") as store, Reader(tmp_path) as reader:
        document = yaml.safe_load((tmp_path / "hpt.yaml").read_text())
        document["settings"] = settings | {"dest": f"s3://{PRIVATE}/tweets"}
        document["settings"]["store"]["endpoint"] = store.url
        (tmp_path / "backhaul.yaml").write_text(yaml.safe_dump(document))

        assert exported.startswith("export AWS_ACCESS_KEY_ID=")
        reader.try_(replace(first, text=commands, mark=""))
        reader.try_(replace(first, text="backhaul verify\nbackhaul gaps", mark=""))

    assert not (tmp_path / "archive").exists()
