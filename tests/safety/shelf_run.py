"""Fetches files into the job ``job``: ``python -m tests.safety.shelf_run DEST URL...``; a URL's path is the file's name.

A fragment is the listed checksum.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

from tests.one_job import one_job

from backhaul import JobOptions, ProviderInfo, RemoteFile, SourceOptions, hookimpl
from backhaul.plugins.loading import build


def main(dest: str, *urls: str) -> int:
    module = ModuleType("shelf")

    @hookimpl
    def provider() -> ProviderInfo:
        return ProviderInfo("shelf", SourceOptions, JobOptions)

    @hookimpl
    def resolve_files() -> Iterator[RemoteFile]:
        for url in urls:
            link, _, checksum = url.partition("#")
            name = unquote(urlsplit(link).path).split("/", 2)[2]
            yield RemoteFile(name, link, checksum=checksum or None)

    for hook in (provider, resolve_files):
        hook.__module__ = module.__name__
        setattr(module, hook.__name__, hook)
    # The disk that some tests put under it is in this process only.
    return one_job(build(module, name="shelf"), Path(dest), workers=1).run().exit_code


if __name__ == "__main__":
    os._exit(main(*sys.argv[1:]))
