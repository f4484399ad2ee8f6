"""Descriptions of system errors, with advice."""

import errno
import os
import pickle
from pathlib import Path

import pytest
from tests.messages import missing_facts

from backhaul.oserrors import StoppedError, describe


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, ""),
        (errno.EMFILE, "ulimit -n"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EACCES, ""),
        (errno.EROFS, ""),
        (errno.EXDEV, "another file system"),
    ],
)
def test_the_hint_fits_the_error(number: int, hint: str) -> None:
    message = describe(error(number))
    assert not missing_facts(message, os.strerror(number), hint)
    assert len(message) > len(os.strerror(number)) + len(hint)


def test_each_error_has_its_own_hint() -> None:
    numbers = (errno.ENOSPC, errno.EMFILE, errno.EFBIG, errno.EACCES, errno.EROFS)
    hints = {describe(error(number)).removeprefix(os.strerror(number)) for number in numbers}
    assert len(hints) == len(numbers)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.ELOOP])
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, number: int) -> None:
    link = tmp_path / "archive"
    link.symlink_to(tmp_path / "gone")
    assert str(link) in describe(error(number), link / "job")


def test_other_errors_keep_the_systems_message(tmp_path: Path) -> None:
    assert describe(error(errno.ENOENT), tmp_path / "x") == os.strerror(errno.ENOENT)


def test_a_warning_after_a_stop_does_not_advise_to_call_anything_again() -> None:
    error = StoppedError()
    assert describe(error) == error.strerror == "stopped before the store responded"
    assert "call it again" in pickle.loads(pickle.dumps(error)).message
