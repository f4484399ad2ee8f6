"""Recovers volumes of a queue that are on disk but not in the ledger, or the other way round.

This happens if the ledger is gone, was rebuilt, or is an older copy restored from a backup. A queue
returns its data only once, so nothing is overwritten: every volume on disk is adopted under its name, and
so are parts, as far as they are whole. The queue then continues from the ledger's position under unused
names. Data pulled after that position may arrive twice; the run reports how much. Without a position,
nothing more is fetched unless the provider's own count shows that nothing is missing.
"""

import logging
import os

from backhaul.archive.reading import verify_file
from backhaul.errors import FailureKind
from backhaul.ledger.rows import FileRow
from backhaul.ledger.streams import Position
from backhaul.run.chunked_files import volume_name, volume_number
from backhaul.run.chunks import whole_chunks
from backhaul.run.context import RunContext
from backhaul.run.task import Task
from backhaul.storage.destination import Staged
from backhaul.storage.workspace import PART
from backhaul.types import HERE, Content, RemoteFile, SlotState
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.fault import LOST, VerifyFault
from backhaul.wording import count

log = logging.getLogger(__name__)


class Recovery:
    """Reconciles the ledger with the volumes of one file; on the stream's thread.

    Args:
        known: the ledger's position; None if it has none.
    """

    def __init__(
        self, context: RunContext, task: Task, file: RemoteFile, known: Position | None
    ) -> None:
        self._context = context
        self._calls = context.calls
        self._task = task
        self._file = file
        self._workspace = task.workspace
        self._destination = task.destination
        self._known = known
        self._lost = False

    def position(self) -> Position | None:
        """Where the file continues; ``done`` if it is complete. None: at its beginning.

        Raises:
            VerifyFault: the position is unknown; nothing was changed.
            OSError: the folder cannot be read or written.
        """
        known = self._known
        if self._destination.was_empty and known is None:
            return None
        first = known.volume if known is not None else 1
        volumes, parts = self._look()
        for number in volumes & parts:
            self._destination.finish(self._name(number))
        parts = self._look()[1]
        rows = self._rows(volumes | set(range(1, first)))
        self._look_for_moved_folder(rows, volumes | parts)
        if known is not None and self._is_only_unrecorded(known, volumes, parts):
            return known
        present = {first} if known is not None and max(volumes, default=0) < first else set()
        if known is not None and first not in volumes and self._part_size(first) < known.length:
            known = self._note_loss(known, volumes, parts)
            present = set()
        for number in set(range(1, first)) - volumes - parts - rows.keys():
            self._piece_lost(number)
        new = {
            number
            for number in volumes
            if number >= first or number not in rows or rows[number].state is SlotState.UNKNOWN
        }
        for number in sorted(parts - present):
            new |= self._publish_part(number, volumes | new, volumes | new | parts)
        if not new:
            return known
        return self._record_volumes(known, new, volumes | new)

    def _look(self) -> tuple[set[int], set[int]]:
        """The numbers of the volumes on disk, and of volumes with a part."""
        volumes: set[int] = set()
        parts: set[int] = set()
        for name in self._destination.beside(self._file.name):
            number = volume_number(self._file, name.removesuffix(PART))
            if number is not None:
                (parts if name.endswith(PART) else volumes).add(number)
        return volumes, parts

    def _name(self, number: int) -> str:
        return volume_name(self._file, number)

    def _part_size(self, number: int) -> int:
        return self._workspace.part_length(self._name(number)) or 0

    def _rows(self, numbers: set[int]) -> dict[int, FileRow]:
        names = {self._name(number): number for number in numbers}
        found = self._calls.call(self._context.streams.known, self._task, list(names))
        return {names[name]: row for name, row in found.items()}

    def _look_for_moved_folder(self, rows: dict[int, FileRow], here: set[int]) -> None:
        kept = [number for number, row in rows.items() if row.state in HERE]
        drained = self._known is not None and self._known.done  # then each volume is checked
        if not kept or here or drained:
            return
        raise VerifyFault(
            FailureKind.LOST,
            f"the ledger has {count(len(kept), 'volume')} of this file, but {self._destination.url} has none. If the"
            " folder was moved, move it back, or move .backhaul to the same place; if the volumes are lost,"
            " fetch the rest under another job name",
        )

    def _is_only_unrecorded(self, known: Position, volumes: set[int], parts: set[int]) -> bool:
        """Whether a kill came after the current volume was published and before it was recorded."""
        beyond = {number for number in volumes if number >= known.volume}
        size = self._destination.size(self._name(known.volume))
        return beyond == {known.volume} and size == known.length and not parts

    def _note_loss(self, known: Position, volumes: set[int], parts: set[int]) -> Position:
        """The current part is lost or truncated: records that, and the queue continues after it."""
        number = max(volumes | parts) + 1 if known.volume in parts else known.volume
        after = Position(known.cursor, max(volumes | parts | {number}) + 1, 0, 0, 0)
        self._piece_lost(number)
        self._calls.keep(self._task, self._file, self._context.streams.keep, after)
        return after

    def _piece_lost(self, number: int) -> None:
        self._lost = True
        self._calls.keep(
            self._task, self._file, self._context.streams.piece_lost, self._name(number)
        )

    def _publish_part(self, number: int, taken: set[int], used: set[int]) -> set[int]:
        """Publishes the complete chunks of a part as a volume under an unused number."""
        name = self._name(number)
        fd = self._workspace.open_part(name)
        try:
            gzipped = self._file.content.endswith("gz")
            end = max((end for end, _ in whole_chunks(fd, 0, gzipped=gzipped)), default=0)
            os.ftruncate(fd, end)
        finally:
            os.close(fd)
        if not end:
            self._workspace.drop_part(name)
            return set()
        if number in taken:
            number = max(used) + 1
            self._workspace.rename_part(name, self._name(number))
            name = self._name(number)
        self._destination.publish([Staged(name, end, opened=True)], overwrite=False)
        return {number}

    def _record_volumes(self, known: Position | None, new: set[int], volumes: set[int]) -> Position:
        """Records the new volumes; returns where the queue continues."""
        rows = self._rows(volumes)
        whole, counts = not self._lost, {}
        for number in sorted(volumes):
            content = self._content(self._name(number), rows.get(number))
            whole = whole and content is not None
            counts[number] = content.records or 0 if content is not None else 0
            if number in new:
                self._take_up(self._name(number), content)
        total = sum(counts.values())
        done = (known is not None and bool(known.done)) or (whole and total == self._file.records)
        if known is None and not done:
            raise VerifyFault(FailureKind.LOST, self._stopped(len(volumes), total))
        volume = max(volumes) + 1
        if known is not None and volume <= known.volume:
            after = known._replace(done=int(done))
        else:
            after = Position(known.cursor if known is not None else None, volume, 0, 0, int(done))
        self._calls.keep(self._task, self._file, self._context.streams.keep, after)
        if not done and known is not None:
            since = {number for number in new if number >= known.volume}
            doubled = sum(counts[number] for number in since) - known.records
            self._warn_of_adopted(len(new), doubled if since else 0)
        return after

    def _take_up(self, name: str, content: Content | None) -> None:
        self._destination.settle(name)
        self._calls.keep(self._task, self._file, self._context.streams.took_over, name, content)

    def _warn_of_adopted(self, number: int, doubled: int) -> None:
        what = "1 volume" if number == 1 else f"{number:,} volumes"
        text = f"{self._file.name}: adopted {what} missing from the ledger; nothing was overwritten"
        if doubled > 0:
            text += (
                "; the ledger is older than the files, and the queue continues from the ledger's position:"
                f" up to {doubled:,} records may be present twice"
            )
        self._calls.post(self._task.warn, text)

    def _content(self, name: str, row: FileRow | None) -> Content | None:
        """A volume's content, from the ledger or by reading it; None if it is not whole."""
        if row is not None and row.state in HERE and self._destination.size(name) == row.size:
            return Content(
                size=row.size or 0, sha256=row.sha256 or "", records=row.records or 0, last=b""
            )
        try:
            return verify_file(
                self._destination.open,
                name,
                self._file,
                self._context.limits,
                doubtful=True,
                kept=True,
            )
        except VerifyFault as fault:
            log.warning("%s: %s", name, fault)
            return None

    def _stopped(self, volumes: int, records: int) -> str:
        counts = (
            f"; they hold {records:,} records; the provider reports {self._file.records:,}"
            if self._file.records is not None
            else ""
        )
        return (
            f"{volumes:,} of its volumes are present, but the ledger that recorded how far the queue was drained"
            f" is gone or was rebuilt{counts}: nothing more is fetched, to avoid duplicates."
            " Restore the ledger or the missing volumes from a copy; if the files were moved, move the"
            " .backhaul folder to the same place; if the job was renamed, use its old name; or drain the"
            " rest under another job name"
        )


def check_volumes(context: RunContext, task: Task, file: RemoteFile, *, kept: bool) -> None:
    """Checks a complete chunked file: what is lost or damaged cannot be fetched again, only restored.

    Args:
        context: the run's context.
        task: the job.
        file: the chunked file.
        kept: whether the data cannot be requested again and is kept even if records are bad.
    """
    calls, streams = context.calls, context.streams
    for row in calls.call(streams.volumes, task, file):
        found = _found(task, row, context.limits, kept=kept)
        if found is not None:
            calls.call(streams.looked_at, task, row, found)


def _found(
    task: Task, row: FileRow, limits: ContentLimits, *, kept: bool
) -> VerifyFault | Content | None:
    """A volume's fault; its content if it is present again; None if nothing has changed."""
    size = task.destination.size(row.name)
    if row.state in HERE and size == row.size:
        return None
    if size is None:
        return LOST
    doubtful = row.sha256 is None
    try:
        content = verify_file(
            task.destination.open, row.name, row.remote(), limits, doubtful=doubtful, kept=kept
        )
    except VerifyFault as fault:
        return fault
    return content if row.sha256 in {None, content.sha256} else _OTHER


_OTHER = VerifyFault(FailureKind.CORRUPT, "complete, but not the file that was fetched")
