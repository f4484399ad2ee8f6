"""The result of one check."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from backhaul import BackhaulError, ExitCode, FailureKind


class State(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check.

    Attributes:
        check: what was checked: a stable word such as ``tls``.
        subject: the file, source, server or folder that was checked.
        state: the outcome.
        message: what was found.
        advice: what to do about it; empty if there is nothing to do.
        exit_code: the exit code of a run; OK unless the check failed.
    """

    check: str
    subject: str
    state: State
    message: str
    advice: str = ""
    exit_code: ExitCode = ExitCode.OK

    @classmethod
    def ok(cls, check: str, subject: str, message: str) -> Self:
        """A check that found no problem."""
        return cls(check=check, subject=subject, state=State.OK, message=message)

    @classmethod
    def warning(cls, check: str, subject: str, message: str, advice: str) -> Self:
        """A run would work, but less well than it could, or not for long."""
        return cls(
            check=check, subject=subject, state=State.WARNING, message=message, advice=advice
        )

    @classmethod
    def failed(
        cls, check: str, subject: str, message: str, advice: str, exit_code: ExitCode
    ) -> Self:
        """A run would fail."""
        return cls(
            check=check,
            subject=subject,
            state=State.FAILED,
            message=message,
            advice=advice,
            exit_code=exit_code,
        )

    @classmethod
    def of_error(cls, check: str, subject: str, error: BackhaulError) -> Self:
        """A check that ended with an error. Configuration errors already contain advice."""
        advice = "" if error.kind is FailureKind.CONFIG else error.kind.advice_on(error.message)
        return cls.failed(check, subject, error.message, advice, error.exit_code)

    def as_json(self) -> dict[str, object]:
        """Returns what the command prints with ``--json``."""
        return {
            "check": self.check,
            "subject": self.subject,
            "state": str(self.state),
            "message": self.message,
            "advice": self.advice,
            "exit_code": int(self.exit_code),
        }
