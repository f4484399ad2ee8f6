"""Verified files are published in groups; a group waits only while more files arrive."""

import pytest
from tests.listed import Archive, lines

from backhaul.run import commit_batch


@pytest.mark.timeout(30)
def test_the_last_group_is_not_delayed(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_batch, "AGE", 3600.0)
    archive.gives(a=lines(1), b=lines(2))
    archive.lists("a.gz", "b.gz")

    assert archive.run().files.verified == 2
