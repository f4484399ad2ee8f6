"""Links that are refused: when the provider is asked for fresh ones, and when that is in vain.

A refusal may speak of the link (its time is over) or of the file (denied, not there), and storages
tell the two apart in many dialects or not at all. So a file that a link refused is asked for once
more with a fresh one. All files that wait for one share a listing, a *listing round*. What a fresh link says
as well is taken for the truth, unless fresh links have brought other files that were refused before:
then this one may have died like the first, and the next listing round is to show it. A listing round that brings not
one byte is the last.
"""

import logging
from collections.abc import Callable, Iterable, Mapping

from backhaul.errors import FailureKind
from backhaul.foreign import line
from backhaul.run.task import Task
from backhaul.transfer.unit import Failure, Transfer

log = logging.getLogger(__name__)

_ALL = 4  # refused links in a row, from which the rest of the listing is not tried any more


class LinkDesk:
    """Takes the refused links of all jobs; on the driver's thread.

    Args:
        failed: told of a file that cannot be had.
        withdraw: takes back the transfers of a job that have not begun.
    """

    def __init__(
        self, *, failed: Callable[[Transfer, Failure], None], withdraw: Callable[[Task], None]
    ) -> None:
        self._failed = failed
        self._withdraw = withdraw

    def refused(self, task: Task, transfer: Transfer, failure: Failure, *, gained: int) -> None:
        """A link was refused; the file waits for a fresh one.

        Several refusals in a row stand for all links; a lone one waits until the others are done.
        """
        name = transfer.file.name
        if gained > 0:
            task.progress += 1
            task.links.healed = task.links.healed or name in task.links.doubted
        if transfer.listing_round != task.listing_round or task.job.dead:
            return
        task.links.waiting[name] = transfer, failure
        task.links.in_a_row += 1
        # A fresh link that is refused as an expired one is shows that there are none better.
        sure = not task.listing_round or task.links.healed or failure.kind is FailureKind.EXPIRED
        if task.links.in_a_row >= _ALL and sure and not task.renew:
            task.renew = True
            task.has_capacity.set()
            log.info("%s: links are refused; requesting new ones", task.spec.name)
            self._withdraw(task)

    def arrived(self, task: Task, name: str) -> None:
        """A file came whole."""
        task.progress += 1
        task.links.in_a_row = 0
        if task.links.doubted and task.links.doubted.pop(name, None) is not None:
            task.links.healed = True

    def listing_round_over(self, task: Task) -> bool:
        """All files of a listing round have come to an end: whether another one is to be asked for."""
        if not task.links.waiting or task.job.dead:
            return False
        if task.listing_round and not task.progress:
            self._give_up(task)
            return False
        if task.listing_round and not task.links.healed:
            self._settle(
                task, [name for name in _refused(task.links.waiting) if name in task.links.doubted]
            )
        return bool(task.links.waiting)

    def no_fresh_ones(self, task: Task) -> None:
        """The listing that was to bring fresh links failed: each refusal stands."""
        task.links.waiting = {**task.links.doubted, **task.links.waiting}
        self._settle(task, list(task.links.waiting))

    def _give_up(self, task: Task) -> None:
        """Fresh links were refused as well."""
        task.renew = False
        task.has_capacity.set()
        self._settle(task, _refused(task.links.waiting))
        expired = [failure for _, failure in task.links.waiting.values()]
        if not expired:
            return
        task.job.dead = True
        message = line(expired[-1].message)
        task.note(
            FailureKind.EXPIRED,
            f"links have expired, and fresh ones are refused as well: {message}",
        )
        task.ledger.files.save_expired(task.id, message)

    def _settle(self, task: Task, names: Iterable[str]) -> None:
        """The refusals of these files are the last word on them."""
        for name in names:
            self._failed(*task.links.waiting.pop(name))
            task.links.doubted.pop(name, None)


def _refused(waiting: Mapping[str, tuple[Transfer, Failure]]) -> list[str]:
    """Those whose links were not plainly called expired."""
    return [name for name, (_, why) in waiting.items() if why.kind is not FailureKind.EXPIRED]
