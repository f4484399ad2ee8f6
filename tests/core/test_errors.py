"""Errors can be said, whatever a provider's words hold."""

import pytest

from backhaul.errors import BackhaulError, ConfigError, ProviderError


@pytest.mark.parametrize("kind", [BackhaulError, ProviderError, ConfigError])
def test_half_a_surrogate_pair_is_spelt_out(kind: type[BackhaulError]) -> None:
    error = kind("no job is named \ud800 or é")
    assert str(error) == error.message == "no job is named \\ud800 or é"
    if isinstance(error, ConfigError):
        assert error.problems == (error.message,)
