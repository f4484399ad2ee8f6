"""Public values: slotted, copyable without surprises, frozen except for RemoteFile."""

import pickle
from dataclasses import FrozenInstanceError, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from backhaul import (
    Content,
    JobOptions,
    JobState,
    JobStatus,
    Problem,
    ProviderInfo,
    RemoteFile,
    RemoteJob,
    Request,
    SourceOptions,
    types,
)
from backhaul.checks import FieldError

FILE = RemoteFile("a/b", url="https://h/x", start=datetime(2012, 7, 1, tzinfo=UTC), meta={"n": 1})
VALUES = [
    FILE,
    Request("https://h/x", headers={"A": "b"}),
    Problem("no"),
    RemoteJob(id="j"),
    JobStatus(state=JobState.READY),
    Content(size=1, sha256="0"),
]
CLASSES = [
    each
    for each in vars(types).values()
    if isinstance(each, type)
    and is_dataclass(each)
    and getattr(each, "__module__", "").startswith(types.__name__)
]


@pytest.mark.parametrize("value", VALUES, ids=lambda each: type(each).__name__)
def test_a_value_survives_pickle_and_accepts_no_other_attributes(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("made", CLASSES, ids=lambda each: each.__name__)
def test_all_values_except_remote_file_are_frozen(made: Any) -> None:
    value = object.__new__(made)

    if made is RemoteFile:
        setattr(value, fields(made)[0].name, "x")
    else:
        with pytest.raises(FrozenInstanceError):
            setattr(value, fields(made)[0].name, "x")


def test_content_can_differ_between_files() -> None:
    assert RemoteFile("a").meta is not RemoteFile("a").meta
    assert RemoteFile("a") == RemoteFile("a") != RemoteFile("a", size=1)


@pytest.mark.parametrize("kind", [JobOptions, dict, SourceOptions()])
def test_a_providers_models_must_have_the_right_base_class(kind: Any) -> None:
    with pytest.raises(FieldError, match=r"^ProviderInfo.source must be a class of SourceOptions"):
        ProviderInfo("x", kind, JobOptions)


@pytest.mark.parametrize("url", ["/files/a.gz", "files/a.gz", "ftp://h/secret"])
def test_a_url_without_http_is_named_as_such_and_not_shown(url: str) -> None:
    with pytest.raises(FieldError, match="not one without http:// or https:// at its start") as no:
        Request(url)
    assert url not in str(no.value)
