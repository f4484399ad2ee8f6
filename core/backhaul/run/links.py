"""Refused links: decides when to renew them and when to give up.

A refusal may concern the link (expired) or the file (denied, not found), and storage services distinguish
the two in many ways or not at all. So a file whose link was refused is requested once more with a fresh
link. All waiting files share one listing, a *listing round*. If the fresh link is refused too, that is
final, unless fresh links have delivered other files that were refused before: then this one may have
expired like the first, and the next listing round decides. A listing round that delivers no data is the
last one.
"""

import logging
from collections.abc import Callable, Iterable, Mapping

from backhaul.errors import FailureKind
from backhaul.foreign import line
from backhaul.run.task import Task
from backhaul.transfer.unit import Failure, Transfer

log = logging.getLogger(__name__)

_ALL = 4  # refused links in a row after which the rest of the listing is not tried


class LinkRenewal:
    """Handles refused links of all jobs; on the driver's thread.

    Args:
        failed: called for a file that cannot be fetched.
        withdraw: cancels a job's transfers that have not started.
    """

    def __init__(
        self, *, failed: Callable[[Transfer, Failure], None], withdraw: Callable[[Task], None]
    ) -> None:
        self._failed = failed
        self._withdraw = withdraw

    def refused(self, task: Task, transfer: Transfer, failure: Failure, *, gained: int) -> None:
        """A link was refused; the file waits for a fresh one.

        Several refusals in a row count for all links; a single one waits until the others are done.
        """
        name = transfer.file.name
        if gained > 0:
            task.progress += 1
            task.links.healed = task.links.healed or name in task.links.doubted
        if transfer.listing_round != task.listing_round or task.job.dead:
            return
        task.links.waiting[name] = transfer, failure
        task.links.in_a_row += 1
        # If a fresh link is refused as expired, renewing is pointless.
        sure = not task.listing_round or task.links.healed or failure.kind is FailureKind.EXPIRED
        if task.links.in_a_row >= _ALL and sure and not task.renew:
            task.renew = True
            task.has_capacity.set()
            log.info("%s: links refused; renewing them", task.spec.name)
            self._withdraw(task)

    def arrived(self, task: Task, name: str) -> None:
        """A file was fetched."""
        task.progress += 1
        task.links.in_a_row = 0
        if task.links.doubted and task.links.doubted.pop(name, None) is not None:
            task.links.healed = True

    def listing_round_over(self, task: Task) -> bool:
        """All files of a listing round are done: returns whether another round is needed."""
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

    def renewal_failed(self, task: Task) -> None:
        """Renewing the links failed: all refusals are final."""
        task.links.waiting = {**task.links.doubted, **task.links.waiting}
        self._settle(task, list(task.links.waiting))

    def _give_up(self, task: Task) -> None:
        """Fresh links were refused too."""
        task.renew = False
        task.has_capacity.set()
        self._settle(task, _refused(task.links.waiting))
        expired = [failure for _, failure in task.links.waiting.values()]
        if not expired:
            return
        task.job.dead = True
        message = line(expired[-1].message)
        task.note(
            FailureKind.EXPIRED, f"links expired, and fresh links are refused as well: {message}"
        )
        task.ledger.files.save_expired(task.id, message)

    def _settle(self, task: Task, names: Iterable[str]) -> None:
        """Makes the refusals of these files final."""
        for name in names:
            self._failed(*task.links.waiting.pop(name))
            task.links.doubted.pop(name, None)


def _refused(waiting: Mapping[str, tuple[Transfer, Failure]]) -> list[str]:
    """Files whose links were not explicitly called expired."""
    return [name for name, (_, why) in waiting.items() if why.kind is not FailureKind.EXPIRED]
