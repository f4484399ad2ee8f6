"""A job's files in order of time: one by one, or many at once where each simply covers a slot."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from backhaul.archive.slot_views import NOT_ON_DISK
from backhaul.ledger import sound
from backhaul.ledger.inventory import Inventory
from backhaul.ledger.rows import OPTIONAL, FileRow
from backhaul.storage.workspace import SIDECAR
from backhaul.types import HERE, SlotState

_PLAIN: Final = frozenset({0, OPTIONAL})  # flags of files that need no remark
_MOST: Final = 512  # full rows in memory
_VERIFIED: Final = SlotState.VERIFIED.value
_PENDING: Final = SlotState.PENDING.value
_TEXTS: Final = (str, type(None))
_Absence: TypeAlias = tuple[str, str, str | None, bool]
_Alike: TypeAlias = tuple[_Absence, tuple[str, ...], tuple[int, ...], tuple[int, ...]]
_ABSENT: Final = frozenset(state.value for state in SlotState) - HERE


class Brief(NamedTuple):
    """Slots in a row, with one file each, that have one state for one reason.

    Attributes:
        slots: how many.
        state: verified, or that of absent files.
        reason: why they are absent.
        names, kind, optional: of absent files, see ``SlotView``.
    """

    slots: int
    state: SlotState
    reason: str = ""
    names: Sequence[str] = ()
    kind: str | None = None
    optional: bool = False


class Upcoming(Protocol):
    """The files that are still to come."""

    @property
    def row(self) -> FileRow | None:
        """The next file; None after the last."""

    def advance(self) -> None:
        """Moves past the next file."""

    def take(self, first: int, step: int, most: int) -> Brief | None:
        """Moves past files that simply cover slots; None if the next file does not.

        Args:
            first: start of the first slot, in Unix seconds.
            step: length of a slot in seconds.
            most: how many slots there are.
        """
        ...


class EachFile:
    """Files that are examined one by one."""

    def __init__(self, rows: Iterator[FileRow]) -> None:
        self._rows = rows
        self.row = next(rows, None)

    def advance(self) -> None:
        """Moves past the next file."""
        self.row = next(self._rows, None)

    def take(self, first: int, step: int, most: int) -> Brief | None:  # noqa: ARG002 - of other kinds
        """None is passed over."""
        return None


class InBrief:
    """Reads a few columns of all files, and the full rows only of those that do not simply cover a slot.

    A file does so if it is alone in a slot, and verified and has its size on disk, or was never stored;
    or, with ``removed``, is no longer on disk. There may be millions, and each costs a fraction of a full
    row. The slots, the disk and the names' keys confirm what is read of them; anything odd is read in
    full, which finds damage to the row.

    Args:
        inventory: of the ledger.
        job: its id.
        size_of: sizes on disk.
        removed: whether files that are no longer on disk are read in brief too.
    """

    def __init__(
        self,
        inventory: Inventory,
        job: int,
        size_of: Callable[[str], int | None],
        *,
        removed: bool = False,
    ) -> None:
        self._inventory = inventory
        self._size_of = size_of
        self._removed = removed
        self._pages = inventory.in_brief(job)
        self._page: list[tuple[Any, ...]] = []
        self._at = 0
        self._is_last = False
        self._alike: _Alike | None = None
        self._full: dict[int, FileRow] = {}
        self._wanted = 1  # full rows to read at a time
        self._load()

    @property
    def row(self) -> FileRow | None:
        """The next file; None after the last. Raises LedgerError."""
        if self._at == len(self._page):
            return None
        number = self._page[self._at][0]
        if number not in self._full:
            ids = [row[0] for row in islice(self._page, self._at, self._at + self._wanted)]
            self._full = {row.id: row for row in self._inventory.by_ids(ids)}
            self._wanted = min(2 * self._wanted, _MOST)
        return self._full[number]

    def advance(self) -> None:
        """Moves past the next file."""
        self._at += 1
        self._load()

    def _load(self) -> None:
        """Keeps two files in memory, while there are that many: the next may share a slot with its next."""
        while len(self._page) - self._at < 2 and not self._is_last:  # noqa: PLR2004 - see above
            page = next(self._pages, None)
            self._is_last = page is None
            self._page = [*self._page[self._at :], *(page or ())]
            self._at = 0
            self._alike = self._all_absent()

    def take(self, first: int, step: int, most: int) -> Brief | None:
        """Moves past files that simply cover slots; None if the next file does not."""
        starts = range(first, first + most * step, step)
        brief = (
            self._alike_ones(starts, step)
            or self._verified(starts, step)
            or self._not_here(starts, step)
        )
        if brief:
            self._at += brief.slots
            self._wanted = 1
            self._load()
        return brief

    def _due(self, starts: range, step: int) -> Iterator[tuple[Any, ...]]:
        """The next files while they cover the slots that start then, and need no remark."""
        end = len(self._page) - (not self._is_last)
        for row, due in zip(islice(self._page, self._at, end), starts, strict=False):
            _, name, _, start, until, _, flags, *_ = row
            if not (
                start == due
                and until == due + step
                and flags in _PLAIN
                and isinstance(name, str)
                and "\0" not in name  # such a name cannot be looked up
            ):
                return
            yield row

    def _alone(self, number: int, starts: range, step: int) -> int:
        """How many of the next files, if not the last of them, share no slot with the file after them."""
        after = self._at + number
        if number and after < len(self._page):
            start = self._page[after][3]
            return number - (not isinstance(start, int) or start < starts[number - 1] + step)
        return number

    def _all_absent(self) -> "_Alike | None":
        """The names, starts and ends of the page's files, if all are certainly absent for one reason."""
        if not self._page:
            return None
        _, names, states, start, end, _, flags, messages, keyed, kinds, stored = zip(
            *self._page, strict=True
        )
        is_one = all(len(set(each)) == 1 for each in (states, flags, messages, kinds))
        if (
            not is_one
            or not all(keyed)
            or any(stored)
            or states[0] == _PENDING
            or flags[0] not in _PLAIN
            or set(map(type, names)) != {str}
            or "\0" in "".join(names)
            or (absence := self._absence(self._page[0])) is None
        ):
            return None
        return absence, names, start, end

    def _alike_ones(self, starts: range, step: int) -> Brief | None:
        """The next files, if all of the page are alike and each covers a slot; much faster than one by one."""
        if self._alike is None:
            return None
        (state, reason, kind, optional), names, first, last = self._alike
        end = len(self._page) - (not self._is_last)
        here = slice(self._at, min(end, self._at + len(starts)))
        number = here.stop - here.start
        if (
            number <= 1
            or first[here.stop - 1] != starts[number - 1]
            or last[here.stop - 1] != starts[number - 1] + step
        ):
            return None
        ends = range(starts[0] + step, starts[number - 1] + 2 * step, step)
        if first[here] != tuple(starts[:number]) or last[here] != tuple(ends):
            self._alike = None  # comparing the page again for each file would take long
            return None
        number = self._alone(number, starts, step)
        taken = names[here.start : here.start + number]
        return Brief(number, SlotState(state), reason, taken, kind, optional)

    def _verified(self, starts: range, step: int) -> Brief | None:
        """The next files, if they are verified."""
        number = 0
        for _, name, state, _, _, size, *_ in self._due(starts, step):
            if state != _VERIFIED or size is None or self._size_of(name) != size:
                break
            number += 1
        number = self._alone(number, starts, step)
        return Brief(number, SlotState.VERIFIED) if number else None

    def _not_here(self, starts: range, step: int) -> Brief | None:
        """The next files, if they are absent for the same reason."""
        names: list[str] = []
        first: _Absence | None = None
        for row in self._due(starts, step):
            absence = self._absence(row)
            if absence is None or (first is not None and absence != first):
                break
            first = absence
            names.append(row[1])
        del names[self._alone(len(names), starts, step) :]
        if not names or first is None:
            return None
        state, reason, kind, optional = first
        if reason == NOT_ON_DISK:
            self._check(len(names))
        return Brief(len(names), SlotState(state), reason, names, kind, optional)

    def _check(self, number: int) -> None:
        """Reads the next files in full: what the disk does not have may be a name that is damaged."""
        ids = [row[0] for row in islice(self._page, self._at, self._at + number)]
        for first in range(0, number, _MOST):
            self._inventory.by_ids(ids[first : first + _MOST])  # raises LedgerError

    def _absence(self, row: tuple[Any, ...]) -> _Absence | None:
        """Its state and reason, see ``on_disk_state``, its kind and flags, if it certainly is absent."""
        _, name, state, _, _, size, flags, message, keyed, kind, stored = row
        if not keyed or not (kind is None or kind in sound.KINDS):
            return None
        if state == _VERIFIED:
            is_removed = self._removed and size is not None and self._size_of(name) is None
            return (
                (SlotState.MISSING.value, NOT_ON_DISK, kind, flags == OPTIONAL)
                if is_removed
                else None
            )
        if state not in _ABSENT or stored or type(message) not in _TEXTS:
            return None
        if state == _PENDING and self._size_of(name + SIDECAR) is not None:
            return None
        return state, message or "", kind, flags == OPTIONAL
