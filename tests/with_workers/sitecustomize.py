"""Loaded by every Python that tests start with ``pytest --workers N``: changes a default."""

import os
from contextlib import suppress

with suppress(ImportError):  # a Python without backhaul
    from backhaul import defaults

    workers = os.environ["BACKHAUL_TEST_WORKERS"]
    default = int(workers) if workers.isdecimal() else workers
    setattr(defaults, "WORKERS", default)  # noqa: B010 - Final
