"""Transfers of jobs that are held back."""

from collections.abc import Iterable

from backhaul.transfer.unit import Transfer


class Held:
    """Which jobs are held back, and what waits for them to resume: in order, each name once."""

    __slots__ = ("_jobs",)

    def __init__(self) -> None:
        self._jobs: dict[str, dict[str, tuple[Transfer, bool]]] = {}

    def __contains__(self, job: str) -> bool:
        return job in self._jobs

    @property
    def jobs(self) -> Iterable[str]:
        """The jobs that are held back."""
        return self._jobs.keys()

    def count(self, job: str) -> int:
        """How many of a job's transfers wait."""
        return len(self._jobs.get(job, ()))

    def hold(self, job: str, waiting: Iterable[Transfer]) -> None:
        """Holds a job back, with what it had queued."""
        self._jobs[job] = {transfer.file.name: (transfer, False) for transfer in waiting}

    def add(self, transfer: Transfer, *, partial: bool = False) -> None:
        """Has a transfer wait; ``partial``: an earlier run left a ``.part`` of it."""
        self._jobs[transfer.job][transfer.file.name] = (transfer, partial)

    def remove(self, transfer: Transfer) -> None:
        """Forgets a transfer."""
        self._jobs.get(transfer.job, {}).pop(transfer.file.name, None)

    def drop(self, job: str) -> int:
        """Forgets what waits of a job, which stays held back; says how many."""
        waiting = self._jobs.get(job, {})
        count = len(waiting)
        waiting.clear()
        return count

    def take(self, job: str) -> list[tuple[Transfer, bool]]:
        """Releases a job; returns what waited, and of which an earlier run left a ``.part``."""
        return list(self._jobs.pop(job, {}).values())
