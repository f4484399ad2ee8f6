"""What the tests of several providers share. The processes of the contract start fast."""

from collections.abc import Iterator

import pytest
from tests import warm

from backhaul import Http
from backhaul.testing import ProviderContract

ProviderContract.start = staticmethod(warm.run)


@pytest.fixture
def http() -> Iterator[Http]:
    """An API session."""
    with Http() as session:
        yield session
