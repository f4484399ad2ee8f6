"""Failures by kind, and how to fix them."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from backhaul import ExitCode, FailureKind, SlotState
from backhaul.commands import FileRow, JobRow, is_gap, redact

_MOST_EXAMPLES = 5


@dataclass(slots=True, kw_only=True)
class Group:
    """Failures of one kind.

    Attributes:
        title: the kind, for people.
        advice: what to do.
        exit_code: what it makes a run end with; None: nothing.
        count: how often.
        examples: file (None: the job) and message, the first few.
    """

    title: str
    advice: str
    exit_code: ExitCode | None
    count: int = 0
    examples: list[tuple[str | None, str]] = field(default_factory=list)


class Problems:
    """Collects failures."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}

    def groups(self) -> list[Group]:
        """The most frequent first."""
        return sorted(self._groups.values(), key=lambda group: -group.count)

    def exit_codes(self) -> AbstractSet[ExitCode]:
        """The resulting exit codes of a run."""
        return {group.exit_code for group in self._groups.values() if group.exit_code is not None}

    def of_job(self, row: JobRow) -> None:
        """Failures of the job as a whole."""
        for found, message in row.problem_texts():
            self._add(found.value, found.advice_on(message), found.exit_code, None, message)

    def of_file(self, row: FileRow, state: SlotState, reason: str) -> None:
        """A file that failed, or that differs from its verified version."""
        if row.kind is not None:
            found = FailureKind(row.kind)
            code = None if is_gap(row) else found.exit_code
            self._add(found.value, found.advice_on(reason), code, row.name, reason)
        elif state is SlotState.SUSPECT:
            self._add(
                "suspect",
                "the file is here and whole; the provider doubts that it holds everything",
                None,
                row.name,
                reason,
            )
        elif state is SlotState.LOST:
            lost = FailureKind.LOST
            self._add(lost.value, lost.advice, lost.exit_code, row.name, reason)
        elif row.state is not state:
            code = ExitCode.VERIFICATION
            self._add("changed on disk", "run again to fetch it again", code, row.name, reason)

    def _add(
        self, title: str, advice: str, code: ExitCode | None, file: str | None, message: str
    ) -> None:
        # What a provider merely does not have weighs less than the same kind where it matters.
        group = self._groups.setdefault(
            f"{title}/{code}", Group(title=title, advice=advice, exit_code=code)
        )
        group.advice = group.advice or advice
        group.count += 1
        if len(group.examples) < _MOST_EXAMPLES:
            group.examples.append((redact(file) if file else None, redact(message)))
