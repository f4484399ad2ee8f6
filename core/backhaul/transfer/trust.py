"""Sets the trusted certificates of the engine to those of the API session."""

from pathlib import Path

import pycurl


def trust(curl: pycurl.Curl, authorities: str) -> None:
    """Sets a handle's CA bundle: a file, or a folder prepared with OpenSSL's rehash."""
    if Path(authorities).is_dir():
        curl.unsetopt(pycurl.CAINFO)
        curl.setopt(pycurl.CAPATH, authorities)
    else:
        curl.setopt(pycurl.CAINFO, authorities)
