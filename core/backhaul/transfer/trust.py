"""Which certificates the engine trusts: those that the API session does."""

from pathlib import Path

import pycurl


def trust(curl: pycurl.Curl, authorities: str) -> None:
    """Has a handle trust a file of certificates, or a folder of them as OpenSSL's rehash makes it."""
    if Path(authorities).is_dir():
        curl.unsetopt(pycurl.CAINFO)
        curl.setopt(pycurl.CAPATH, authorities)
    else:
        curl.setopt(pycurl.CAINFO, authorities)
