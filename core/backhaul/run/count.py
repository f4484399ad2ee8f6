"""Counts the files that a run would fetch."""

from functools import partial

from backhaul.ledger.ledger import Ledger
from backhaul.ledger.rows import VOLUME, KnownRow, is_doubtful
from backhaul.run.batches import Entry, settled, sort_out
from backhaul.run.decide import Action, decide
from backhaul.run.id_set import IdSet
from backhaul.storage.destination import SizeOf
from backhaul.storage.sizes import no_size
from backhaul.types import RemoteFile


class Count:
    """Counts a listing batch by batch, in constant memory, with the decisions that a run would make.

    Unverified files on disk are assumed to be whole and not counted: a run reads them, and most are.

    Args:
        ledger: the destination's ledger.
        job: the job's id in the ledger; 0 if it has none.
        size_of: size of a file on disk; ``no_size`` if there is no folder.
        refresh: plan for a run that requests everything again.

    Attributes:
        has_rows: the ledger has files of the job.
        listed: number of listed files.
        unsafe: number of files whose names cannot be used.
        files: number of files to fetch.
        files_known: whether that number is known; it is not for a queue.
        bytes: total listed size of the files to fetch.
        bytes_known: whether all of them have a listed size.
        bytes_here: total size of files that stay as they are.
    """

    def __init__(self, ledger: Ledger, job: int, size_of: SizeOf, *, refresh: bool) -> None:
        self._ledger = ledger
        self._job = job
        self._size_of = size_of
        self._refresh = refresh
        self._seen = IdSet()
        self.has_rows = bool(job) and ledger.files.has_any(job)
        self._known = partial(ledger.files.known, job) if self.has_rows else _none_known
        self.listed = self.unsafe = self.files = self.bytes = self.bytes_here = 0
        self.files_known = self.bytes_known = True

    def add(self, files: list[RemoteFile]) -> None:
        """Counts a batch. Raises LedgerError."""
        batch = sort_out(files, self._known)
        for refused in batch.refused:
            if refused.row is not None:  # the row may be damaged
                self._ledger.files.look(refused.row, refused.file.name)
        here, left = settled(batch.plain, self._size_of, self._seen)
        left = [each for each in left if each.row is None or self._seen.add(each.row.id)]
        self.unsafe += len(batch.refused)
        self.listed += len(batch.refused) + len(batch.split) + len(here) + len(left)
        self.files_known = self.files_known and all(map(self._is_drained, batch.split))
        for _, file in here:
            self._take(file, stays=True)
        for entry in left:
            self._take(entry.file, stays=self._stays(entry))

    def _take(self, file: RemoteFile, *, stays: bool) -> None:
        if stays and not self._refresh:
            self.bytes_here += self._size_of(file.name) or 0
            return
        self.files += 1
        self.bytes += file.size or 0
        self.bytes_known = self.bytes_known and file.size is not None

    def _stays(self, entry: Entry) -> bool:
        """Whether a run would leave the file as it is."""
        _, file, row = entry
        if row is None and self._size_of is no_size:
            return False
        if row is not None:
            self._ledger.files.look(row, file.name)
        return decide(row, file, self._size_of).action is not Action.FETCH

    def _is_drained(self, file: RemoteFile) -> bool:
        """Whether a queue was drained to disk: lost parts of it cannot be fetched again."""
        position = self._ledger.streams.get(self._job, file.name)
        if position is None or not position.done:
            return False
        return all(
            self._size_of(row.name) == row.size or is_doubtful(row.state, row.sha256)
            for row in self._ledger.inventory.files(self._job)
            if row.flags & VOLUME
        )


def _none_known(_: list[str]) -> dict[str, KnownRow]:
    return {}
