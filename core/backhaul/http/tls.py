"""Which certificates are trusted, for the API session and the transfer engine alike."""

import os
from pathlib import Path

from backhaul.errors import ConfigError

_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def ca_bundle() -> str:
    """Path of the trusted certificates, a file or a folder: the environment's, else certifi's.

    ``SSL_CERT_DIR`` may name several folders, of which the first that is there counts.

    Raises ConfigError when the environment names a file that is not there.
    """
    for variable in _VARIABLES:
        path = os.environ.get(variable)
        if path:
            if not Path(path).exists():
                raise ConfigError(f"{variable} names {path}, which is not there")
            return path
    for folder in os.environ.get("SSL_CERT_DIR", "").split(os.pathsep):
        if folder and Path(folder).is_dir():
            return folder
    import certifi  # noqa: PLC0415 - loaded only by who opens a connection

    return certifi.where()
