"""An emulator, a session and the provider as loaded by core."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import backhaul_gnip_hpt
from backhaul import Http
from backhaul.plugins.facade import Provider
from backhaul.plugins.loading import build
from backhaul_gnip_hpt.emulator import JOB, GnipHptEmulator
from backhaul_gnip_hpt.options import HptJob, HptSource


class Account:
    """A running emulator with hooks that use it."""

    def __init__(
        self, emulator: GnipHptEmulator, provider: Provider, http: Http, **source: Any
    ) -> None:
        self.emulator = emulator
        self.provider = provider
        self.http = http
        keys = {**emulator.source(), **source}
        del keys["provider"]
        self.source = HptSource.model_validate(keys)

    def job(self, **keys: Any) -> HptJob:
        return HptJob.model_validate(keys if keys.keys() & {"id", "title"} else {"id": JOB, **keys})

    def status(self, **keys: Any) -> Any:
        return self.provider.get_status(self.http, self.source, self.job(**keys))

    def files(self, **keys: Any) -> list[Any]:
        return list(self.provider.resolve_files(self.http, self.source, self.job(**keys)))

    def paths(self) -> list[str]:
        return [entry.path for entry in self.emulator.requests if entry.port == "api"]


@pytest.fixture(scope="session")
def provider() -> Provider:
    return build(backhaul_gnip_hpt, name="gnip-hpt")


@pytest.fixture
def account(provider: Provider) -> Iterator[Callable[..., Account]]:
    with ExitStack() as stack:

        def start(kind: type[GnipHptEmulator] = GnipHptEmulator, /, **knobs: Any) -> Account:
            emulator = stack.enter_context(kind(**{"slots": 12, "activities": 3, **knobs}))
            return Account(emulator, provider, stack.enter_context(Http()))

        yield start
