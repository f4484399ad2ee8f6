"""Connects to a Dask scheduler that the user runs."""

import asyncio
import ssl
import sys
import warnings
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit

from backhaul.dask_clients import require_dask, security_of
from backhaul.errors import UnreachableError
from backhaul.foreign import line
from backhaul.transfer.cluster.certificates import refused, tls_context, untrusted

if TYPE_CHECKING:
    from types import ModuleType

    from distributed import Client

_PATIENCE: Final = 10.0  # seconds
_LAST: Final = 0.5  # seconds to say good-bye
# Dask's own messages repeat what backhaul says, and are not redacted.
_LOGGING: Final = {"distributed": "critical", "distributed.client": "critical"}


async def connect(address: str) -> "Client":
    """Connects to a scheduler; called in a running event loop.

    Args:
        address: such as ``tcp://scheduler:8786``.

    Raises:
        ConfigError: distributed is not installed, or certificates are missing.
        UnreachableError: no scheduler responds, or its certificate is not trusted.
        AuthError: the scheduler rejects the client certificate.
    """
    require_dask()
    parts = urlsplit(address)
    listens = trusted = False
    try:
        if parts.scheme == "tcp":
            await _check_port(parts)
            listens = True
        distributed = await asyncio.to_thread(_imported)
        security = security_of(address) or distributed.Security()
        if parts.scheme == "tls":
            await _check_port(parts, tls_context(address, security))
            trusted = True
        client: Client = distributed.Client(
            address,
            asynchronous=True,
            security=security,
            set_as_default=False,
            timeout=_PATIENCE,
            name="backhaul",
        )
        try:
            # Dask itself would wait for as long as something accepts its connections.
            async with asyncio.timeout(_PATIENCE + _LAST):
                await client
        except BaseException:  # a stop, too
            await leave(client)
            raise
    except ssl.SSLError as error:
        raise untrusted(address, error) from None
    except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
        why = line(str(error)) or f"no answer in {_PATIENCE:.0f} seconds"
        if trusted and isinstance(error, OSError) and not isinstance(error, TimeoutError):
            raise refused(address, why) from None
        what = (
            f"what listens there may be something else, or use TLS (tls://{parts.netloc})"
            if listens
            else "start one (dask scheduler), or correct settings.cluster"
        )
        raise UnreachableError(f"no Dask scheduler responds at {address}: {why}; {what}") from None
    return client


async def leave(client: Any) -> None:
    """Closes a connection without waiting long for the scheduler."""
    try:
        with suppress(TimeoutError, OSError):
            await asyncio.wait_for(client.close(), _LAST)
    finally:
        client.status = "closed"  # its finalizer would try again, when there is no loop any more


async def _check_port(where: SplitResult, context: ssl.SSLContext | None = None) -> None:
    """Raises OSError immediately if nothing listens there; Dask would retry for a while.

    With ``context``, raises SSLError if the certificate is not trusted; Dask's error would not say so.
    """
    async with asyncio.timeout(_PATIENCE):
        _, writer = await asyncio.open_connection(where.hostname, where.port, ssl=context)
    writer.close()


def _imported() -> "ModuleType":
    if "distributed" not in sys.modules:
        import dask.config  # noqa: PLC0415 - an extra, and slow

        dask.config.set({"logging": _LOGGING})
        # Versions of numpy and others do not matter here; ``Requirements`` compares those that do.
        warnings.filterwarnings("ignore", "Mismatched versions found")
    return import_module("distributed")
