"""Errors of a plugin are attributed to it in one line; correct calls cost little."""

import base64
import logging
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.messages import missing_facts

from backhaul import (
    AuthError,
    Chunk,
    Content,
    FailureKind,
    JobOptions,
    JobState,
    JobStatus,
    Problem,
    ProviderInfo,
    RemoteFile,
    RemoteJob,
    Request,
    Secret,
    Slots,
    SourceOptions,
    hookimpl,
    redact,
)
from backhaul.checks import FieldError
from backhaul.errors import PluginError
from backhaul.plugins.facade import Provider
from backhaul.plugins.loading import build

NOW = datetime(2020, 1, 1, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
FILE = RemoteFile("a.gz", url="http://h/a")
CONTENT = Content(1, "0" * 64)
LABEL = "plugin 'example' (acme-example 1.2)"


def plugin(**hooks: Callable[..., Any]) -> Provider:
    """A provider with these functions as hooks."""

    class Plugin:
        @hookimpl
        def provider(self) -> ProviderInfo:
            return ProviderInfo("Example", SourceOptions, JobOptions)

    hooks.setdefault("resolve_files", _no_files)
    for name, function in hooks.items():
        setattr(Plugin, name, staticmethod(hookimpl(function)))
    return build(Plugin(), name="example", label=LABEL)


def _no_files() -> list[RemoteFile]:
    return []


def ask(provider: Provider, hook: str) -> Any:
    """Calls a hook with dummy arguments and consumes its result."""
    http: Any = None
    source, job = SourceOptions(), JobOptions()
    if hook == "list_jobs":
        return list(provider.list_jobs(http, source))
    if hook == "get_status":
        return provider.get_status(http, source, job)
    if hook == "resolve_files":
        return list(provider.resolve_files(http, source, job))
    if hook == "check_file":
        return provider.check_file(source, job, FILE, CONTENT)
    if hook == "pull_file":
        return list(provider.pull_file(http, source, job, FILE, None))
    return provider.fetch_file(http, source, job, FILE)


HOOKS = ["list_jobs", "get_status", "resolve_files", "fetch_file", "pull_file", "check_file"]
GENERATORS = ["list_jobs", "resolve_files", "pull_file", "check_file"]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    "error",
    [
        ValueError("odd\n  number"),
        KeyError("jobs"),
        RecursionError("deep"),
        MemoryError(),
        SystemExit(3),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_in_a_hook_names_the_plugin(hook: str, error: BaseException) -> None:
    def broken() -> None:
        raise error

    with pytest.raises(PluginError) as caught:
        ask(plugin(**{hook: broken}), hook)
    text = str(caught.value)
    assert not missing_facts(text, f"{LABEL}: {hook}", type(error).__name__), text
    assert "\n" not in text
    assert caught.value.exit_code == 12


@pytest.mark.parametrize("hook", GENERATORS)
def test_an_exception_in_a_running_generator_names_the_plugin(hook: str) -> None:
    def broken() -> Iterator[None]:
        raise ValueError("late")
        yield

    with pytest.raises(PluginError, match=rf"example.*{hook}\b.*ValueError: late$"):
        ask(plugin(**{hook: broken}), hook)


def test_data_received_before_the_error_is_not_lost() -> None:
    def broken() -> Iterator[RemoteFile]:
        yield FILE
        raise ValueError("late")

    files = plugin(resolve_files=broken).resolve_files(*ANY)
    assert next(files) is FILE
    with pytest.raises(PluginError, match="late"):
        next(files)


ANY: Any = (None, None, None)


@pytest.mark.parametrize("hook", HOOKS)
def test_backhauls_own_errors_pass_unchanged(hook: str) -> None:
    error = AuthError("no")

    def refused() -> None:
        raise error

    with pytest.raises(AuthError) as caught:
        ask(plugin(**{hook: refused}), hook)
    assert caught.value is error


@pytest.mark.parametrize("hook", GENERATORS)
def test_a_keyboard_interrupt_is_not_caught(hook: str) -> None:
    def interrupted() -> Iterator[None]:
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        ask(plugin(**{hook: interrupted}), hook)


def test_an_error_shows_no_secret_and_is_truncated() -> None:
    redact.register("planted-in-plugin")

    def broken() -> None:
        raise ValueError("planted-in-plugin " * 1000)

    with pytest.raises(PluginError) as caught:
        ask(plugin(get_status=broken), "get_status")
    assert "planted-in-plugin" not in str(caught.value)
    assert len(str(caught.value)) < 650


def test_an_exception_without_a_text_still_has_a_type() -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise ValueError

    def broken() -> None:
        raise OddError

    with pytest.raises(PluginError, match=r"get_status\b.*OddError$"):
        ask(plugin(get_status=broken), "get_status")


def test_the_sources_secrets_are_known_before_the_plugin_sees_them() -> None:
    class Keyed(SourceOptions):
        username: str
        keys: list[Secret]

    def broken(source: Keyed) -> None:
        pair = f"{source.username}:{source.keys[0].reveal()}"
        raise ValueError(f"{pair} {base64.b64encode(pair.encode()).decode()}")

    source = Keyed(username="ada", keys=[Secret("never-sent-anywhere")])
    with pytest.raises(PluginError) as caught:
        plugin(get_status=broken).get_status(ANY[0], source, JobOptions())
    assert str(caught.value).endswith("ValueError: *** ***")


def test_the_traceback_is_for_the_debug_log_only(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ValueError("deep inside")

    caplog.set_level(logging.DEBUG)
    with pytest.raises(PluginError) as caught:
        ask(plugin(get_status=broken), "get_status")
    assert caught.value.__suppress_context__
    traced = [
        record for record in caplog.records if record.exc_info or "Traceback" in record.getMessage()
    ]
    assert [record.levelname for record in traced] == ["DEBUG"]


def file(**fields: Any) -> list[RemoteFile]:
    return [RemoteFile(**{"name": "a", **fields})]


@pytest.mark.parametrize(
    ("hook", "value", "named"),
    [
        ("resolve_files", None, ()),
        ("resolve_files", 3, ("int",)),
        ("resolve_files", ["a"], ("str", "RemoteFile")),
        ("resolve_files", [None], ("None", "RemoteFile")),
        ("resolve_files", lambda: file(name=7), ("name", "7")),
        ("resolve_files", lambda: file(name=""), ("name", "''")),
        ("resolve_files", lambda: file(url=b"http://h"), ("'a'", "url", "bytes")),
        ("resolve_files", lambda: file(size=-1), ("'a'", "size", "-1")),
        ("resolve_files", lambda: file(size=1 << 63), ("'a'", "size")),
        ("resolve_files", lambda: file(records=10**30), ("'a'", "records")),
        ("resolve_files", lambda: file(size="12"), ("'a'", "size", "'12'")),
        ("resolve_files", lambda: file(size=1.5), ("'a'", "size", "1.5")),
        ("resolve_files", lambda: file(size=True), ("'a'", "size", "True")),
        ("resolve_files", lambda: file(start=NAIVE), ("start", "2020-01-01T00:00:00")),
        ("resolve_files", lambda: file(start=NOW, end=NAIVE), ("end", "2020-01-01T00:00:00")),
        ("resolve_files", lambda: file(end="2020"), ("end", "str")),
        ("resolve_files", lambda: file(start=NOW, end=NOW.replace(year=2019)), ("end", "start")),
        ("resolve_files", lambda: file(content="rar"), ("content", "'rar'", "jsonl.gz")),
        ("resolve_files", lambda: file(checksum="abc"), ("checksum", "'abc'")),
        ("resolve_files", lambda: file(checksum="md5:12"), ("checksum", "'md5:12'")),
        ("resolve_files", lambda: file(checksum_url="a.sha256"), ("checksum_url", "http")),
        ("resolve_files", lambda: file(records=-3), ("records", "-3")),
        ("resolve_files", lambda: file(meta=[1]), ("meta", "list")),
        ("resolve_files", lambda: file(aliases="b"), ("aliases",)),
        ("resolve_files", lambda: file(aliases=(1,)), ("aliases",)),
        ("resolve_files", lambda: file(footer_lines=-1), ("footer_lines", "-1")),
        ("resolve_files", lambda: file(footer_lines=None), ("footer_lines", "None")),
        ("resolve_files", lambda: file(split=0), ("split", "0")),
        ("get_status", "ready", ("str", "JobStatus")),
        ("get_status", lambda: JobStatus("ready"), ("state", "'ready'", "JobState")),  # type: ignore[arg-type]  # the point
        ("get_status", lambda: JobStatus(JobState.READY, float("nan")), ("percent", "nan")),
        ("get_status", lambda: JobStatus(JobState.READY, expires=NAIVE), ("expires", "2020")),
        ("get_status", lambda: JobStatus(JobState.READY, slots=(1,)), ("slots", "int")),  # type: ignore[arg-type]  # the point
        (
            "get_status",
            lambda: JobStatus(JobState.READY, slots=(Slots(NOW, NAIVE),)),
            ("end", "2020"),
        ),
        ("get_status", lambda: JobStatus(JobState.READY, identity={"id": 1}), ("identity",)),  # type: ignore[dict-item]  # the point
        (
            "get_status",
            lambda: JobStatus(JobState.READY, retry_after="1h"),
            ("retry_after", "'1h'"),
        ),  # type: ignore[arg-type]  # the point
        ("list_jobs", [{"id": 1}], ("dict", "RemoteJob")),
        ("list_jobs", lambda: [RemoteJob(5)], ("id", "5")),  # type: ignore[arg-type]  # the point
        ("list_jobs", lambda: [RemoteJob("j", start=NAIVE)], ("'j'", "start")),
        (
            "fetch_file",
            lambda: Request("file:///etc/passwd"),
            ("Request", "url", "http"),
        ),
        ("fetch_file", lambda: Request("http://h", auth=("me", "pw")), ("auth",)),  # type: ignore[arg-type]  # the point
        ("fetch_file", lambda: Request("http://h", headers={"A": "b\r\nC: d"}), ("'A'",)),
        ("fetch_file", lambda: Request("http://h", headers={"A": 1}), ("'A'",)),  # type: ignore[dict-item]  # the point
        ("fetch_file", "http://h", ("'a.gz'", "str", "Request")),
        ("fetch_file", lambda: [Chunk(b"data")], ("'a.gz'", "list", "Request")),
        ("pull_file", lambda: Request("http://h"), ("Request", "iterable")),
        ("pull_file", [b"data"], ("bytes", "Chunk")),
        ("pull_file", lambda: [Chunk("text")], ("data", "str")),  # type: ignore[arg-type]  # the point
        ("pull_file", lambda: [Chunk(b"", 7)], ("cursor", "int")),  # type: ignore[arg-type]  # the point
        ("pull_file", lambda: [Chunk(b"", damaged=1)], ("damaged", "int")),  # type: ignore[arg-type]  # the point
        ("check_file", [3], ("int", "Problem")),
        ("check_file", lambda: [Problem("m", "corrupt")], ("kind", "'corrupt'", "FailureKind")),  # type: ignore[arg-type]  # the point
    ],
)
def test_an_invalid_value_is_refused(hook: str, value: Any, named: tuple[str, ...]) -> None:
    provider = plugin(**{hook: value if callable(value) else lambda: value})
    with pytest.raises(PluginError) as caught:
        ask(provider, hook)
    text = str(caught.value)
    assert not missing_facts(text, f"{LABEL}: {hook}", *named), text


def test_a_wrong_field_is_refused_on_the_line_that_makes_the_value() -> None:
    def made_here() -> Iterator[RemoteFile]:
        yield FILE
        yield RemoteFile("b", size=-1)

    number = made_here.__code__.co_firstlineno + 2
    with pytest.raises(
        FieldError, match=r"^RemoteFile.size of 'b' must be .*, not -1 \(int\)$"
    ) as caught:
        list(made_here())
    assert [entry.lineno for entry in caught.traceback if entry.name == "made_here"] == [number - 1]
    with pytest.raises(PluginError, match=rf"resolve_files: plugins/test_facade\.py:{number}: Rem"):
        ask(plugin(resolve_files=made_here), "resolve_files")


def test_a_wrong_field_that_may_hold_a_secret_is_not_shown() -> None:
    with pytest.raises(FieldError) as caught:
        Request("hunter2://x")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(FieldError) as caught:
        Request("http://h", auth=("me", "hunter2"))  # type: ignore[arg-type]  # the point
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        RemoteFile("a"),
        RemoteFile("a/b.jsonl.gz", url="http://h", size=0, start=NOW, end=NOW, records=0),
        RemoteFile("a", checksum="sha256:" + "0" * 64, aliases=("b",), meta={"x": 1}, split=10),
        RemoteFile("a", content="xml", footer_lines=1, suspect=True, optional=True),
    ],
)
def test_a_good_file_passes_unchanged(value: RemoteFile) -> None:
    assert ask(plugin(resolve_files=lambda: [value]), "resolve_files") == [value]


def test_omitted_hooks_have_defaults() -> None:
    provider = plugin()
    assert ask(provider, "list_jobs") == []
    assert ask(provider, "get_status") == JobStatus(JobState.READY)
    assert ask(provider, "fetch_file") == Request("http://h/a")
    assert ask(provider, "check_file") == []
    assert [hook for hook in HOOKS if provider.implements(hook)] == ["resolve_files"]


def test_none_means_the_default() -> None:
    provider = plugin(get_status=lambda: None, check_file=lambda: None, fetch_file=lambda: None)
    assert ask(provider, "get_status") == JobStatus(JobState.READY)
    assert ask(provider, "fetch_file") == Request("http://h/a")
    assert ask(provider, "check_file") == []


def test_a_file_without_a_url_needs_fetch_file() -> None:
    with pytest.raises(PluginError, match=r"'a'.* url"):
        plugin().fetch_file(*ANY, RemoteFile("a"))


def test_strings_become_problems() -> None:
    problem = Problem("short", FailureKind.TRUNCATED)
    assert ask(plugin(check_file=lambda: ["odd", problem]), "check_file") == [
        Problem("odd"),
        problem,
    ]
    assert ask(plugin(check_file=lambda: "odd"), "check_file") == [Problem("odd")]
    assert ask(plugin(check_file=lambda: problem), "check_file") == [problem]


def test_a_hook_gets_the_arguments_that_it_lists() -> None:
    def pull_file(cursor: str | None, file: RemoteFile) -> Iterator[Chunk]:
        yield Chunk(f"{file.name} {cursor}".encode(), "next")

    found = plugin(pull_file=pull_file).pull_file(*ANY, FILE, "c7")
    assert list(found) == [Chunk(b"a.gz c7", "next")]


def test_whether_a_provider_pulls_is_known_when_it_is_loaded() -> None:
    def nothing() -> list[Chunk]:
        return []

    assert plugin(pull_file=nothing).pulls
    assert not plugin(fetch_file=lambda: None).pulls
    assert not plugin().pulls
    with pytest.raises(PluginError, match=r"both fetch_file and pull_file"):
        plugin(fetch_file=lambda: None, pull_file=nothing)


def test_an_old_style_fetch_file_is_refused_with_its_new_name() -> None:
    def fetch_file(cursor: str | None) -> list[Chunk]:
        return [Chunk(b"", cursor)]

    with pytest.raises(PluginError, match=r"fetch_file has no argument 'cursor'.*pull_file$"):
        plugin(fetch_file=fetch_file)

    def no_cursor() -> Iterator[Chunk]:
        yield Chunk(b"")

    with pytest.raises(PluginError, match=r"fetch_file is a generator.*pull_file$"):
        plugin(fetch_file=no_cursor)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Job", "backhaul.RemoteJob"),
        ("Column", "backhaul_rollup.Column"),
        ("Table", "backhaul_rollup.Table"),
    ],
)
def test_an_old_name_is_refused_with_its_new_one(old: str, new: str) -> None:
    with pytest.raises(ImportError, match=rf"^backhaul\.{old} is now {re.escape(new)}$"):
        exec(f"from backhaul import {old}")


def test_an_old_hook_is_refused_with_its_new_place() -> None:
    with pytest.raises(PluginError, match=r"derive_tables is now .* backhaul_rollup$"):
        plugin(derive_tables=_no_files)


def test_a_header_can_be_a_secret() -> None:
    request = Request("https://h", headers={"Authorization": Secret("k")}, auth=("me", Secret("p")))
    assert ask(plugin(fetch_file=lambda: request), "fetch_file") is request


def test_stopping_early_closes_the_plugins_generator() -> None:
    closed = []

    def files() -> Iterator[RemoteFile]:
        try:
            yield FILE
            yield FILE
        finally:
            closed.append(True)

    found: Any = plugin(resolve_files=files).resolve_files(*ANY)
    next(found)
    found.close()
    assert closed == [True]


def test_a_plugin_that_fails_on_closing_does_not_fail_the_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def files() -> Iterator[RemoteFile]:
        try:
            yield FILE
            yield FILE
        finally:
            raise ValueError("at the end")

    found: Any = plugin(resolve_files=files).resolve_files(*ANY)
    next(found)
    found.close()
    assert "resolve_files" in caplog.text


def test_the_facade_adds_little_time_per_file() -> None:
    count = 100_000
    each = RemoteFile("a.gz", url="http://h/a", size=9, start=NOW, end=NOW, footer_lines=1)

    def files() -> Iterator[RemoteFile]:
        for _ in range(count):
            yield each

    provider = plugin(resolve_files=files)
    spent = []
    for source in [files, lambda: provider.resolve_files(*ANY)] * 3:
        began = time.process_time()
        assert sum(1 for _ in source()) == count
        spent.append(time.process_time() - began)
    # About 1 µs per file on an idle machine; the bound allows for load.
    assert min(spent[1::2]) - min(spent[::2]) < 3e-6 * count
