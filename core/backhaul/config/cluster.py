"""The address of a Dask scheduler."""

from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

_EXAMPLE: Final = "should be the address of a Dask scheduler such as tcp://127.0.0.1:8786"
_IN_PROCESS: Final = "inproc"  # of a LocalCluster that a program has started


def scheduler_address(value: Any) -> str:
    """A scheduler's address. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(_EXAMPLE)  # noqa: TRY004 - pydantic reads ValueError
    text = value.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        complete = bool(parts.hostname and parts.port) and not (parts.query or parts.fragment)
    except ValueError:
        raise ValueError(_EXAMPLE) from None
    if parts.username is not None:
        raise ValueError("must not contain credentials: tls:// uses certificates")
    if parts.scheme != _IN_PROCESS and not (complete and parts.scheme in {"tcp", "tls"}):
        raise ValueError(_EXAMPLE)
    return text


def require_safe(address: str) -> None:
    """Raises ValueError if connections leave this machine unencrypted."""
    parts = urlsplit(address)
    if parts.scheme == "tcp" and not _is_loopback(parts.hostname or ""):
        raise ValueError(
            "is not on this machine, and tcp:// is neither encrypted nor authenticated: use tls://, or"
            " set allow_insecure_cluster: true in a network that you trust"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
