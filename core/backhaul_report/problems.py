"""Failures by kind, and how to fix them."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from backhaul import ExitCode, FailureKind, SlotState
from backhaul.commands import CHANGED, FileRow, JobRow, SlotView, is_gap, redact

_MOST_EXAMPLES = 5


@dataclass(slots=True, kw_only=True)
class Group:
    """Failures of one kind.

    Attributes:
        title: the kind, as text.
        advice: what to do.
        exit_code: the resulting exit code of a run; None: no effect.
        count: number of failures.
        examples: file (None: the job) and message of the first few.
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
            self._add(found.value, found.advice_on(message), found.exit_code, (None,), message)

    def of_file(self, row: FileRow, state: SlotState, reason: str) -> None:
        """A file that failed, or that differs from its verified version."""
        if row.kind is not None:
            found = FailureKind(row.kind)
            code = None if is_gap(row) else found.exit_code
            self._add(found.value, found.advice_on(reason), code, (row.name,), reason)
        elif state is SlotState.SUSPECT:
            self._add(
                "suspect",
                "the file is present and complete, but the provider marks it as doubtful",
                None,
                (row.name,),
                reason,
            )
        elif state is SlotState.LOST:
            lost = FailureKind.LOST
            self._add(lost.value, lost.advice, lost.exit_code, (row.name,), reason)
        elif row.flags & CHANGED:
            self._add(
                "changed at the provider",
                "run again to replace it",
                None,
                (row.name,),
                "the provider lists another version",
            )
        elif row.state is not state:
            code = ExitCode.VERIFICATION
            self._add("changed on disk", "run again to fetch it again", code, (row.name,), reason)

    def of_absent(self, slot: SlotView) -> None:
        """The same for the absent files of a range, see ``SlotView.names``."""
        kind = slot.kind or (FailureKind.LOST if slot.state is SlotState.LOST else None)
        if kind is not None:
            found = FailureKind(kind)
            is_gap = slot.state is SlotState.MISSING and slot.optional
            advice = found.advice_on(slot.reason) if slot.kind else found.advice
            code = None if is_gap else found.exit_code
            self._add(found.value, advice, code, slot.names, slot.reason)

    def _add(
        self,
        title: str,
        advice: str,
        code: ExitCode | None,
        files: Sequence[str | None],
        message: str,
    ) -> None:
        # Files that a provider simply does not have count for less than failures of the same kind.
        group = self._groups.setdefault(
            f"{title}/{code}", Group(title=title, advice=advice, exit_code=code)
        )
        group.advice = group.advice or advice
        group.count += len(files)
        for file in files[: _MOST_EXAMPLES - len(group.examples)]:
            group.examples.append((redact(file) if file else None, redact(message)))
