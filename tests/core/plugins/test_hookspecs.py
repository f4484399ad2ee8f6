"""The hook specification: each docstring example runs, and type checkers can use it."""

# ruff: noqa: ARG002 - a class lists all arguments

import inspect
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug import Request as ApiRequest
from werkzeug import Response

import backhaul
from backhaul import (
    IDLE,
    Chunk,
    Content,
    Http,
    JobOptions,
    JobState,
    ProviderInfo,
    RemoteFile,
    Request,
    SourceOptions,
)
from backhaul.hookspecs import Hooks, hookimpl
from backhaul.plugins.facade import Provider
from backhaul.plugins.loading import build, hook_arguments
from backhaul.testing import Emulator

NAMES: dict[str, Any] = {
    **{name: getattr(backhaul, name) for name in backhaul.__all__},
    "Iterable": Iterable,
    "Iterator": Iterator,
    "Path": Path,
}


def example(hook: str) -> str:
    """The example in a hook's docstring."""
    docstring = inspect.getdoc(getattr(Hooks, hook)) or ""
    found = textwrap.dedent(docstring.partition("Example::\n")[2])
    assert f"@hookimpl\ndef {hook}(" in found
    return found


def acme(*hooks: str) -> Provider:
    """A provider made of the examples of these hooks and the ones they need."""
    names = dict(NAMES)
    for hook in ("provider", "resolve_files", *hooks):
        exec(example(hook), names)
    return build(SimpleNamespace(**names), name="acme")


class Acme(Emulator):
    """The part of an API that the examples call."""

    asked = 0

    def api(self, request: ApiRequest) -> Response:
        match request.path:
            case "/datasets":
                return Response('[{"id": "tides", "title": "Tides of 2020"}]')
            case "/datasets/tides":
                file = '{"name": "a", "url": "http://h/a", "size": 3}'
                return Response(f'{{"done": false, "files": [{file}]}}')
            case "/queue":
                after = int(request.args["after"])
                self.asked += 1
                headers = {"X-Next": str(min(after + 1, 2))} if self.asked < 4 else {}
                return Response(b"{}\n" if after < 2 else b"", headers=headers)
        return Response("", 404)


@pytest.fixture
def emulator() -> Iterator[Acme]:
    with Acme() as running:
        yield running


def options(provider: Provider, emulator: Acme) -> tuple[Any, Any]:
    return (
        provider.info.source.model_validate({"base_url": emulator.url}),
        provider.info.job.model_validate({"dataset": "tides"}),
    )


@pytest.mark.parametrize("hook", hook_arguments())
def test_each_example_makes_a_valid_plugin(hook: str) -> None:
    assert acme(hook).implements(hook)


def test_the_examples_that_call_the_api_work_as_described(emulator: Acme) -> None:
    provider = acme("list_jobs", "get_status", "fetch_file")
    source, job = options(provider, emulator)
    with Http() as http:
        assert [each.id for each in provider.list_jobs(http, source)] == ["tides"]
        assert provider.get_status(http, source, job).state is JobState.RUNNING
        (file,) = provider.resolve_files(http, source, job)
        assert (file.name, file.url, file.size) == ("a", "http://h/a", 3)
        wanted = Request(f"{emulator.url}/files/a", ranges=False)
        assert provider.fetch_file(http, source, job, file) == wanted


def test_the_example_of_a_queue_pulls_it_to_its_end(emulator: Acme) -> None:
    provider = acme("pull_file")
    with Http() as http:
        found = list(provider.pull_file(http, *options(provider, emulator), RemoteFile("a"), None))
    assert found == [Chunk(b"{}\n", "1"), Chunk(b"{}\n", "2"), IDLE]


def test_the_example_of_a_check_works_as_described(emulator: Acme) -> None:
    provider = acme("check_file")
    given = (*options(provider, emulator),)
    file = RemoteFile("a")
    assert provider.check_file(*given, file, Content(9, "0" * 64, last=b'{"end": 1}')) == []
    (problem,) = provider.check_file(*given, file, Content(9, "0" * 64, last=b"{}"))
    assert "end marker" in problem.message


class Checked(Hooks[SourceOptions, JobOptions]):
    """A plugin written as a class, which mypy and pyright compare with the specification."""

    @hookimpl
    def provider(self) -> ProviderInfo:
        return ProviderInfo("Checked", SourceOptions, JobOptions)

    @hookimpl
    def resolve_files(self, http: Http, source: SourceOptions, job: JobOptions) -> list[RemoteFile]:
        return [RemoteFile("a", url="http://h/a")]


class Wrong(Checked):
    """Rejected by type checkers: strict mypy would report the comment below as unused otherwise."""

    @hookimpl
    def fetch_file(  # type: ignore[override]  # Chunks are no Request
        self, http: Http, source: SourceOptions, job: JobOptions, file: RemoteFile
    ) -> Iterator[Chunk]:
        yield Chunk(b"")


def test_a_plugin_may_be_a_class_that_inherits_the_defaults() -> None:
    provider = build(Checked(), name="checked")
    assert provider.hooks == ("provider", "resolve_files")
    given: Any = (None, SourceOptions(), JobOptions())
    (file,) = provider.resolve_files(*given)
    assert provider.get_status(*given).state is JobState.READY
    assert provider.fetch_file(*given, file) == Request("http://h/a")


def test_a_plugin_that_a_type_checker_refuses_is_refused_when_loaded() -> None:
    with pytest.raises(backhaul.BackhaulError, match="pull_file"):
        build(Wrong(), name="wrong")
