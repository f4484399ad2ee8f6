"""A test provider, and helpers to load YAML with it."""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from backhaul import (
    BaseUrl,
    ByteSize,
    Duration,
    JobOptions,
    ProviderInfo,
    Secret,
    SourceOptions,
    UtcTime,
)
from backhaul.config import Config, load_many, load_text
from backhaul.errors import ConfigError, PluginError


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    weight: int = Field(ge=1, description="How heavy.")
    label: str = ""


class Harbor(SourceOptions):
    """An account of the harbor."""

    user: str = Field(description="Login.")
    password: Secret = Field(description="Its password.")
    api_version: Literal[1, 2] = Field(default=2, description="Version of the API.")
    base_url: BaseUrl = Field(default="https://harbor.example", description="Where the API is.")


class Ship(JobOptions):
    """A ship's log."""

    id: str | None = Field(default=None, description="Its number.", examples=["s-17"])
    name: str | None = Field(default=None, description="Or its name.", examples=["Wren"])
    start: UtcTime | None = Field(default=None, alias="from", description="First day.")
    day: date | None = None
    decks: int | None = Field(default=None, ge=1, le=20)
    sails: bool = False
    draught: float = 1.5
    every: Duration | None = None
    split: ByteSize = 1 << 20
    kinds: list[Literal["log", "chart"]] = Field(default=["log"], min_length=1)
    params: dict[str, int] = Field(default_factory=dict)
    parts: list[Part] = Field(default_factory=list)
    either: int | Literal["all"] = "all"

    @model_validator(mode="after")
    def _id_or_name(self) -> "Ship":
        if (self.id is None) == (self.name is None):
            raise ValueError("give either id or name")
        return self


INFO = ProviderInfo("The harbor's logs", Harbor, Ship)


def harbor_only(name: str) -> ProviderInfo:
    if name != "harbor":
        raise PluginError(f"no provider {name!r} is installed (installed: harbor)")
    return INFO


Load = Callable[..., Config]


@pytest.fixture(scope="session")
def harbor() -> ProviderInfo:
    return INFO


@pytest.fixture(scope="session")
def harbor_providers() -> Callable[[str], ProviderInfo]:
    return harbor_only


@pytest.fixture
def providers() -> Callable[[str], ProviderInfo]:
    return harbor_only


@pytest.fixture
def info() -> ProviderInfo:
    return INFO


@pytest.fixture
def load_yaml(tmp_path: Path) -> Load:
    def load_yaml(
        text: str | bytes, env: Mapping[str, str] | None = None, *, offline: bool = False
    ) -> Config:
        return load_text(
            text,
            file="c.yaml",
            folder=tmp_path,
            providers=harbor_only,
            env=env or {},
            offline=offline,
        )

    return load_yaml


@pytest.fixture
def problems(load_yaml: Load) -> Callable[..., list[str]]:
    """The problems in a YAML text, without the file name."""

    def problems(text: str | bytes, env: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_yaml(text, env)
        assert caught.value.exit_code == 2
        assert str(caught.value) == "\n".join(caught.value.problems)
        assert all(line.startswith("c.yaml:") for line in caught.value.problems)
        return [line.removeprefix("c.yaml:") for line in caught.value.problems]

    return problems


@pytest.fixture
def with_job(load_yaml: Load) -> Callable[..., Config]:
    """Loads a file whose job `wren` has the given keys, from line 4 on, indented by two levels."""

    def with_job(keys: str, env: Mapping[str, str] | None = None) -> Config:
        return load_yaml(job_text(keys), env)

    return with_job


def job_text(keys: str) -> str:
    lines = "".join(f"    {line}\n" for line in keys.splitlines())
    return f"sources: {{h: {{provider: harbor, user: u, password: p}}}}\njobs:\n  wren:\n    source: h\n{lines}"


@pytest.fixture
def job_problems(problems: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """The problems of a job whose own keys start at line 5, column 5."""

    def job_problems(keys: str, env: Mapping[str, str] | None = None) -> list[str]:
        return problems(job_text(keys), env)

    return job_problems


@pytest.fixture
def load_paths() -> Callable[..., list[str]]:
    """The problems of files."""

    def load_paths(*paths: Path) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_many(paths, providers=harbor_only, env={})
        return list(caught.value.problems)

    return load_paths
