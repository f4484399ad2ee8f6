"""Which certificates the engine trusts."""

import os
from pathlib import Path

import certifi


def ca_file() -> str:
    """The bundle that ``SSL_CERT_FILE`` names, or else certifi's."""
    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("CURL_CA_BUNDLE")
    return named if named and Path(named).is_file() else certifi.where()
