"""TLS to a Dask scheduler: certificates from Dask's configuration, and errors about them."""

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from backhaul.errors import AuthError, ConfigError, UnreachableError
from backhaul.foreign import line

if TYPE_CHECKING:
    from distributed import Security

_HOW: Final = (
    "distributed.comm.tls in Dask's configuration, or the environment variables"
    " DASK_DISTRIBUTED__COMM__TLS__CA_FILE, DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and"
    " DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY"
)


def tls_context(address: str, security: "Security") -> ssl.SSLContext:
    """The certificates for a connection. Raises ConfigError if some are missing or cannot be read."""
    for what, found in (
        ("CA", security.tls_ca_file),
        ("client certificate", security.tls_client_cert),
        ("client key", security.tls_client_key),
    ):
        # A program may pass the certificate itself, in PEM.
        if found and "\n" not in found and not Path(found).is_file():
            raise ConfigError(f"{address}: the file of the {what}, {found}, is missing; see {_HOW}")
    try:
        context = security.get_connection_args("client").get("ssl_context")
    except (OSError, ValueError) as error:  # not PEM, a key of another certificate, ...
        why = line(str(error))
        raise ConfigError(f"{address}: cannot use the certificates: {why}; see {_HOW}") from None
    if not isinstance(context, ssl.SSLContext):
        raise ConfigError(f"{address}: TLS needs certificates: set {_HOW}")
    return context


def untrusted(address: str, error: ssl.SSLError) -> UnreachableError:
    """The error for a scheduler without a certificate of the right CA."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return UnreachableError(
            f"the certificate of the Dask scheduler at {address} is not trusted:"
            f" {line(error.verify_message)}; name its CA in distributed.comm.tls.ca-file"
        )
    why = line(error.reason or str(error))
    return UnreachableError(
        f"the Dask scheduler at {address} does not use TLS: {why}; start it with certificates"
        " (--protocol tls), or correct settings.cluster"
    )


def refused(address: str, why: str) -> AuthError:
    """The error for a scheduler that closes the connection after its certificate was accepted."""
    return AuthError(
        f"the Dask scheduler at {address} does not accept the client certificate: {why}; use one that"
        " its CA has signed, in distributed.comm.tls.client.cert"
    )
