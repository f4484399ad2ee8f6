"""A missing or broken plugin fails only its own jobs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import field_validator
from tests.messages import missing_facts

from backhaul import JobOptions, ProviderInfo, SourceOptions
from backhaul.config import Config, load_text
from backhaul.errors import ConfigError, PluginError

TEXT = """\
sources:
  good: {provider: harbor, user: u, password: p}
  lost:
    provider: lighthouse
    anything: 1
jobs:
  wren: {source: good, id: x}
  lamp: {source: lost, whatever: [1]}
"""


def test_the_jobs_of_a_missing_plugin_carry_its_error(load_yaml: Callable[..., Config]) -> None:
    config = load_yaml(TEXT)
    assert config.jobs["wren"].plugin_error is None
    error = config.jobs["lamp"].plugin_error
    assert isinstance(error, PluginError)
    assert error.exit_code == 12
    assert not missing_facts(error.message, "c.yaml:4:15: sources.lost", "'lighthouse'", "harbor")


def test_everything_else_is_still_checked_and_the_plugin_named_with_it(
    problems: Callable[..., list[str]],
) -> None:
    lines = problems(TEXT.replace("id: x", "idd: x"))
    assert [line.split(" ")[0] for line in lines] == ["7:24:", "4:15:"]


class Raising(SourceOptions):
    user: str

    @field_validator("user")
    @classmethod
    def _broken(cls, value: str) -> str:
        raise RuntimeError(f"oops {value}")


class Taken(JobOptions):
    wait: int = 0


@pytest.mark.parametrize(
    ("info", "named"),
    [
        (ProviderInfo("x", Raising, JobOptions), "RuntimeError"),
        (ProviderInfo("x", SourceOptions, Taken), "wait"),
    ],
)
def test_a_misbehaving_plugin_is_blamed(info: ProviderInfo, named: str, tmp_path: Path) -> None:
    text = "sources: {h: {provider: x, user: sesame77}}\njobs: {j: {source: h}}"
    config = load_text(text, folder=tmp_path, providers=lambda _: info, env={})
    error = config.jobs["j"].plugin_error
    assert error is not None
    assert not missing_facts(error.message, "<text>:1:25: sources.h", named)
    assert "sesame77" not in error.message


def test_a_job_whose_model_raises_is_a_plugin_error_too(tmp_path: Path) -> None:
    class RaisingJob(JobOptions):
        id: str

        @field_validator("id")
        @classmethod
        def _broken(cls, value: str) -> str:
            raise LookupError(value)

    info = ProviderInfo("x", SourceOptions, RaisingJob)
    text = "sources: {h: {provider: x}}\njobs: {j: {source: h, id: a}, k: {source: g}}"
    with pytest.raises(ConfigError, match=r"'g'|\"g\"") as caught:
        load_text(text, folder=tmp_path, providers=lambda _: info, env={})
    assert len(caught.value.problems) == 2
    config = load_text(
        text.split(", k:", maxsplit=1)[0] + "}", folder=tmp_path, providers=lambda _: info, env={}
    )
    error = config.jobs["j"].plugin_error
    assert error is not None
    assert not missing_facts(error.message, "<text>:", "jobs.j", "LookupError")
