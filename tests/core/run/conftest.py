"""An archive whose listing the test defines."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.listed import Archive
from tests.shelf import Shelf


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Shelf() as shelf:
        yield Archive(tmp_path, shelf)
