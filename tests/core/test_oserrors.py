"""What the system's errors mean, and what to do about them."""

import errno
import os
from pathlib import Path

import pytest

from backhaul.oserrors import describe


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EACCES, "permissions"),
        (errno.EROFS, "read-only"),
    ],
)
def test_the_hint_fits_the_error(number: int, hint: str) -> None:
    assert hint in describe(error(number))
    if number != errno.ENOSPC:
        assert "space" not in describe(error(number))


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.ELOOP])
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, number: int) -> None:
    link = tmp_path / "archive"
    link.symlink_to(tmp_path / "gone")
    assert str(link) in describe(error(number), link / "job")


def test_other_errors_keep_the_systems_words(tmp_path: Path) -> None:
    assert describe(error(errno.ENOENT), tmp_path / "x") == os.strerror(errno.ENOENT)
