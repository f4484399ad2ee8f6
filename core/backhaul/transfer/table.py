"""All transfers known to the engine."""

from collections.abc import Collection, Iterable, Mapping

from backhaul.transfer.body import Body, State


class Table:
    """The transfers by job and name, each in one state.

    The state is changed by setting ``body.state``. All other structures of the engine (host queues,
    retries, segments) hold references to these rows in their own order.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, dict[str, Body]] = {}
        self._count = 0

    @property
    def jobs(self) -> Collection[str]:
        """The jobs that have transfers."""
        return tuple(self._jobs)

    def add(self, body: Body) -> None:
        """Adds and numbers a new transfer."""
        self._count += 1
        body.number = self._count
        transfer = body.transfer
        rows = self._jobs.get(transfer.job)
        if rows is None:
            rows = self._jobs[transfer.job] = {}
        rows[transfer.file.name] = body

    def get(self, job: str, name: str) -> Body | None:
        """The transfer with this job and name."""
        rows = self._jobs.get(job)
        return None if rows is None else rows.get(name)

    def of(self, job: str) -> Collection[Body]:
        """A job's transfers; they may be removed during iteration."""
        return tuple(self._jobs.get(job, {}).values())

    def names(self, job: str, states: Collection[State]) -> set[str]:
        """Names of a job's transfers in the given states."""
        return {body.transfer.file.name for body in self.of(job) if body.state in states}

    def park(self, body: Body) -> None:
        """Keeps the received data of a withdrawn transfer; forgets the transfer if there is none."""
        if body.size or body.part is not None:
            body.state = State.PARKED
        else:
            self.remove(body)

    def remove(self, body: Body) -> bool:
        """Removes a transfer; returns whether it was present."""
        job, name = body.transfer.job, body.transfer.file.name
        rows = self._jobs.get(job)
        if rows is None or rows.get(name) is not body:
            return False
        del rows[name]
        self._leave(job, rows)
        return True

    def published(self, job: str, names: Iterable[str]) -> None:
        """Removes those of a job's transfers that were being published."""
        rows = self._jobs.get(job, {})
        for name in names:
            body = rows.get(name)
            if body is not None and body.state is State.PUBLISHING:
                del rows[name]
        self._leave(job, rows)

    def clear(self, job: str) -> None:
        """Removes a job's transfers."""
        self._jobs.pop(job, None)

    def _leave(self, job: str, rows: Mapping[str, Body]) -> None:
        """Removes empty jobs."""
        if not rows:
            self._jobs.pop(job, None)
