"""When two jobs are two archives, and when that cannot be determined."""

from pathlib import Path
from typing import Any

import pytest
from tests.one_job import job_spec

from backhaul import BaseUrl, Identity, JobOptions, Secret, SourceOptions
from backhaul.archive.fingerprint import Fingerprint
from backhaul.errors import PluginError
from backhaul.ledger.ledger import Ledger
from backhaul.run.identity import fingerprint_of


class Account(SourceOptions):
    account: Identity[str] = "acme"
    token: Secret = Secret("hush")
    base_url: BaseUrl = "https://api.example.com/v1"


class Dataset(JobOptions):
    number: Identity[int | None] = None
    days: int = 1


class Leaky(SourceOptions):
    token: Identity[Secret] = Secret("hush")


def fingerprint(source: Any = None, job: Any = None, **known: str) -> Fingerprint:
    spec = job_spec(Path("nowhere"), source_options=source or Account(), options=job or Dataset())
    return fingerprint_of(spec, known)


def kept(tmp_path: Path, text: str | None) -> Fingerprint:
    with Ledger(tmp_path / ".backhaul") as ledger:
        number = ledger.jobs.open("job", source="s", provider="p")
        if text is not None:
            ledger.jobs.save_fingerprint(number, text)
        row = ledger.jobs.get("job")
        assert row is not None
        return Fingerprint.kept(row)


def test_it_survives_the_ledger(tmp_path: Path) -> None:
    one = fingerprint(job=Dataset(number=5))

    assert kept(tmp_path, one.text()) == one
    assert one.job == {"number": "5"}
    assert one.location == "https://api.example.com:443"


def test_a_key_known_to_only_one_does_not_distinguish_them() -> None:
    by_title, by_number = fingerprint(), fingerprint(job=Dataset(number=5))

    assert not by_title.differs(by_number)
    assert not by_number.differs(by_title)
    assert fingerprint(number="6").differs(by_number)
    assert by_title.after(by_number).job == {"number": "5"}


def test_unmarked_keys_are_not_part_of_it() -> None:
    changed = fingerprint(Account(token=Secret("other")), Dataset(days=9))

    assert changed == fingerprint()


def test_only_a_certainly_identical_archive_counts_as_a_renamed_job() -> None:
    undeclared = fingerprint(SourceOptions(), JobOptions())

    assert fingerprint().is_same_job(fingerprint())
    assert not undeclared.is_same_job(undeclared)
    assert not fingerprint().is_same_job(fingerprint(number="6"))


@pytest.mark.parametrize("text", [None, "", "{", "[]", "7", '{"provider": "q", "source": 1}'])
def test_a_ledger_without_the_fingerprint_still_knows_the_provider(
    tmp_path: Path, text: str | None
) -> None:
    assert not fingerprint().differs(kept(tmp_path, text))
    assert Fingerprint(provider="q").differs(kept(tmp_path, text))


def test_a_plugin_that_marks_a_secret_is_broken() -> None:
    with pytest.raises(PluginError) as caught:
        fingerprint(Leaky())
    assert "hush" not in str(caught.value)
