"""``settings.cluster``: which schedulers are accepted, and what is missing without the extra."""

import subprocess
import sys
from typing import Any

import pytest

import backhaul
from backhaul import ConfigError
from backhaul.config.settings import Settings

EXAMPLE = "should be the address of a Dask scheduler such as tcp://127.0.0.1:8786"
UNSAFE = "is not on this machine, and tcp:// is neither encrypted nor authenticated"


def problems(**settings: Any) -> list[str]:
    try:
        backhaul.load({"settings": settings, "sources": {}})
    except ConfigError as error:
        return [each for each in error.problems if "cluster" in each]
    return []


@pytest.mark.parametrize(
    "address",
    [
        "tcp://127.0.0.1:8786",
        "tcp://127.1.2.3:8786",
        "tcp://[::1]:8786",
        "tcp://localhost:8786/",
        "tls://scheduler.example:8786",
    ],
)
def test_local_and_encrypted_schedulers_are_accepted(address: str) -> None:
    assert problems(cluster=address) == []


@pytest.mark.parametrize("address", ["tcp://192.0.2.1:8786", "tcp://scheduler:8786"])
def test_other_schedulers_must_be_allowed(address: str) -> None:
    (problem,) = problems(cluster=address)
    assert f"settings.cluster: {UNSAFE}" in problem
    assert "allow_insecure_cluster: true" in problem
    assert problems(cluster=address, allow_insecure_cluster=True) == []


@pytest.mark.parametrize(
    "address", ["scheduler:8786", "tcp://scheduler", "http://127.0.0.1:8786", "", 8786, "tcp://a:b"]
)
def test_an_invalid_address_is_named(address: object) -> None:
    (problem,) = problems(cluster=address)
    assert EXAMPLE in problem or "quote it" in problem


def test_an_address_has_no_credentials() -> None:
    (problem,) = problems(cluster="tls://user:secret@scheduler:8786")
    assert "must not contain credentials" in problem
    assert "secret" not in problem


def test_an_option_is_checked_in_the_same_way() -> None:
    with pytest.raises(ConfigError, match=rf"--cluster {UNSAFE}"):
        Settings().override(cluster="tcp://192.0.2.1:8786")


def test_without_the_extra_the_error_says_how_to_install_it() -> None:
    code = """
import sys
sys.modules["distributed"] = None
import backhaul
try:
    backhaul.load({"sources": {"s": {"provider": "s3-prefix", "bucket": "flatfiles"}}}).run(cluster="tcp://127.0.0.1:8786")
except backhaul.ConfigError as error:
    print(error)
"""
    done = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert "settings.cluster needs distributed: " in done
    assert "pip install" in done
    assert "[dask]" in done


def test_dask_is_imported_only_for_a_cluster() -> None:
    code = """
import sys
import backhaul.api, backhaul.cli.run, backhaul.run.driver, backhaul.transfer.on_demand
import backhaul.transfer.processes.process_pool
print({"dask", "distributed", "tornado"} & set(sys.modules))
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
