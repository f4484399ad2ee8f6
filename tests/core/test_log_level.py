"""Commands that tests run in this process leave the log as it was."""

import logging

import pytest

from backhaul.cli.main import main

_BEFORE = logging.getLogger().level, logging.getLogger("urllib3").level


@pytest.fixture(scope="module")
def _command() -> None:
    assert main(["plugins", "list", "-vv"]) == 0


def now() -> tuple[int, int]:
    return logging.getLogger().level, logging.getLogger("urllib3").level


@pytest.mark.usefixtures("_command")
def test_a_command_sets_the_level() -> None:
    assert now() == (logging.DEBUG, logging.DEBUG)


def test_the_next_test_starts_with_the_level_as_it_was() -> None:
    assert now() == _BEFORE
