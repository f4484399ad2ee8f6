"""An Executor that carries out transfers in several processes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backhaul.transfer.processes.pool import ProcessPool


def process_pool() -> "type[ProcessPool]":
    """The executor, imported only by runs that use it."""
    from backhaul.transfer.processes.pool import ProcessPool  # noqa: PLC0415 - see above

    return ProcessPool
