"""Errors can be printed whatever text a provider sends; advice is given if there is any."""

import gzip
from datetime import UTC, datetime

import pytest

from backhaul.errors import (
    BackhaulError,
    ConfigError,
    ExitCode,
    FailureKind,
    FailureReport,
    NotDataError,
    ProviderError,
    UnreachableError,
)
from backhaul.types import Content
from backhaul.verify.evidence import UNPROVEN
from backhaul.verify.fault import DamagedLines, VerifyFault
from backhaul.verify.inflate import Inflater


@pytest.mark.parametrize("kind", [BackhaulError, ProviderError, ConfigError])
def test_half_a_surrogate_pair_is_escaped(kind: type[BackhaulError]) -> None:
    error = kind("no job is named \ud800 or é")
    assert str(error) == error.message == "no job is named \\ud800 or é"
    if isinstance(error, ConfigError):
        assert error.problems == (error.message,)


def bomb() -> str:
    with pytest.raises(VerifyFault) as caught:
        list(Inflater(max_ratio=9.0, max_size=9).feed(gzip.compress(bytes(99))))
    return caught.value.message


def test_a_message_that_says_what_to_do_is_not_followed_by_other_advice() -> None:
    kept = DamagedLines(Content(1, "0" * 64, bad_records=1, first_bad=(1, 0))).message
    for kind, message in (
        (FailureKind.TRUNCATED, UNPROVEN),
        (FailureKind.CORRUPT, kept),
        (FailureKind.CORRUPT, bomb()),
    ):
        assert kind.advice_on(message) == "", message
    for kind in FailureKind:
        assert kind.advice_on("anything else") == kind.advice


def test_only_a_signal_and_the_time_limit_are_stops() -> None:
    stops = {kind for kind in FailureKind if kind.is_stop}

    assert stops == {FailureKind.INTERRUPTED, FailureKind.TIME_LIMIT}


def test_a_failure_report_keeps_the_exceptions_message_and_has_each_commands_keys() -> None:
    slow = UnreachableError("no answer")
    slow.kind = FailureKind.TIMEOUT
    report = FailureReport.of(slow)
    assert (report.kind, report.message, report.file) == (FailureKind.TIMEOUT, "no answer", None)
    assert report.exit_code is ExitCode.UNREACHABLE
    assert FailureReport.of(NotDataError("a page")).exit_code is ExitCode.VERIFICATION
    assert FailureReport(kind=FailureKind.NOT_DATA, message="").exit_code is ExitCode.VERIFICATION
    assert report.as_json("kind", "message") == {"kind": "timeout", "message": "no answer"}
    at = datetime(2026, 1, 2, tzinfo=UTC)
    whole = FailureReport(kind=FailureKind.LOST, message="gone", file="a", rejected="/r/a", at=at)
    assert list(whole.as_json("at", "file", "kind", "message", "rejected").values()) == [
        "2026-01-02T00:00:00Z", "a", "lost", "gone", "/r/a"
    ]  # fmt: skip


def test_a_response_that_is_not_data_ends_every_command_with_the_same_code() -> None:
    """By its exception in plan and status, by its kind in run."""
    assert NotDataError("an HTML page").exit_code is FailureKind.NOT_DATA.exit_code
