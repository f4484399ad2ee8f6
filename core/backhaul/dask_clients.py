"""Dask as an optional package, and Dask clients that a program passes."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol

from backhaul.errors import ConfigError


class DaskClient(Protocol):
    """The part of ``distributed.Client`` that is used."""

    @property
    def scheduler(self) -> Any:
        """The scheduler, with its ``address``."""

    @property
    def security(self) -> Any:
        """Its certificates."""


_securities: dict[str, list[Any]] = {}  # of clients of active runs, by address


def require_dask() -> None:
    """Raises ConfigError if distributed is not installed."""
    if find_spec("distributed") is None:
        from backhaul.extras import how_to_install  # noqa: PLC0415 - seldom needed

        raise ConfigError(f"settings.cluster needs distributed: {how_to_install('dask')}")


@contextmanager
def address_of(cluster: str | DaskClient | None) -> Iterator[str | None]:
    """The address of a cluster's scheduler; within the context, a client's certificates are used for it.

    Raises ConfigError for a client that is closed.
    """
    if cluster is None or isinstance(cluster, str):
        yield cluster
        return
    if getattr(cluster, "status", "") == "closed" or cluster.scheduler is None:
        raise ConfigError("cluster: the Dask client is closed: pass one that is connected")
    address = str(cluster.scheduler.address)
    its = _securities.setdefault(address, [])
    its.append(cluster.security)
    try:
        yield address
    finally:
        its.remove(cluster.security)


def security_of(address: str) -> Any:
    """The certificates of a client that a program has passed; None for those of Dask's configuration."""
    its = _securities.get(address)
    return its[-1] if its else None
