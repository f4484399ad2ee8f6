"""A real store, shared by the tests of this folder."""

from collections.abc import Iterator

import pytest
from tests.seaweed import Store, seaweed, use_keys


@pytest.fixture(scope="package")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A running SeaweedFS."""
    with seaweed(tmp_path_factory.mktemp("weed")) as running:
        yield running


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use_keys(monkeypatch)
