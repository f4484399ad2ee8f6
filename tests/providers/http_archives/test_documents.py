"""The YAML in docs/archives.md is valid, and covers both providers and each reader."""

import re
from pathlib import Path

import pytest

from backhaul.config import Config, load_text
from backhaul.plugins.discovery import Plugins

PAGE = (Path(__file__).parents[3] / "docs" / "archives.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
PLUGINS = Plugins()


def loaded(text: str) -> Config:
    env = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "made-up")
    return load_text(text, providers=lambda name: PLUGINS.load(name).info, env=env)


@pytest.mark.parametrize("text", BLOCKS, ids=lambda text: text.split()[3])
def test_each_example_loads(text: str) -> None:
    assert loaded(text).jobs


def test_all_providers_and_readers_are_shown() -> None:
    sources = [source for text in BLOCKS for source in loaded(text).sources.values()]
    assert {source.provider for source in sources} == {"http-series", "http-index", "s3-prefix"}
    readers = {getattr(source.options, "reader", "") for source in sources}
    assert readers >= {"autoindex", "lines", "sums", "json", "csv"}


def test_no_link_on_the_page_is_broken() -> None:
    anchors = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors
