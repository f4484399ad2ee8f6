"""Selects the CA bundle for the API session and the transfer engine, and says why a handshake failed."""

import os
from pathlib import Path

from backhaul.errors import ConfigError

_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

# Reasons of OpenSSL, of which both the ssl module and libcurl quote one.
_REFUSALS = {
    "certificate required": "the server requires a client certificate, which backhaul does not support",
    "handshake failure": "the server refused the TLS handshake; it may require a client certificate",
    "protocol version": "the server does not support TLS 1.2 or later",
    "unsupported protocol": "the server does not support TLS 1.2 or later",
    "wrong version number": "the server does not speak TLS on this port",
}


def refusal(message: str) -> str:
    """Why a TLS handshake cannot succeed, from an error of OpenSSL; '' if another attempt could."""
    text = message.lower().replace("_", " ")
    return next((words for reason, words in _REFUSALS.items() if reason in text), "")


def ca_bundle() -> str:
    """Path of the trusted certificates, a file or a folder: from the environment, else certifi's.

    ``SSL_CERT_DIR`` may list several folders; the first that exists is used. Raises ConfigError, see
    ``named_bundle``.
    """
    named = named_bundle()
    if named is not None:
        return named
    import certifi  # noqa: PLC0415 - only needed to connect

    return certifi.where()


def named_bundle() -> str | None:
    """The path that the environment names, if it does.

    Raises ConfigError if it names a file that does not exist.
    """
    for variable in _VARIABLES:
        path = os.environ.get(variable)
        if path:
            if not Path(path).exists():
                raise ConfigError(f"{variable}: {path} does not exist")
            return path
    for folder in os.environ.get("SSL_CERT_DIR", "").split(os.pathsep):
        if folder and Path(folder).is_dir():
            return folder
    return None
