"""A job's name stands for one archive: another one is refused, a renamed one is recognized."""

import shlex
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.usual import usual

from backhaul.ledger.ledger import Ledger
from backhaul_stocktwits_backup import emulator as stocktwits

Run = Callable[..., Any]


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything in a folder except the ledger's files."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and ".backhaul" not in path.parts
    }


def kept(archive: Path, job: str) -> Any:
    """The ledger's data of a job."""
    with Ledger(archive / ".backhaul", readonly=True) as ledger:
        return ledger.jobs.get(job)


@pytest.fixture
def december(bench: Run) -> Any:
    """Some days of StockTwits, next to another job."""
    made = bench("stocktwits-backup", records=2)
    week = {"source": "account", "from": "2016-12-01", "to": "2016-12-04"}
    made.write(jobs={"backups": week})
    return made


def test_another_account_under_the_same_name_is_refused_and_nothing_changes(
    backhaul: Run, bench: Run, december: Any
) -> None:
    assert backhaul("run", december.path).code == 0
    before = tree(december.archive)
    other = bench("massrelevance-meta")
    (kindle,) = other.one.jobs().values()
    december.one.requests.clear()
    december.document["sources"]["m"] = other.one.source()
    december.document["jobs"]["other"] = {"source": "m", **kindle}
    december.write(sources__account__username="carol@example.org")

    ended = backhaul("run", december.path, "--json")

    refused, fetched = ended.json["jobs"]
    assert ended.code == 2
    assert [each["kind"] for each in refused["failures"]] == ["config"]
    assert "carol@example.org" in refused["failures"][0]["message"]
    assert not december.one.requests.at("api")
    assert fetched["state"] == "complete"  # a bad job never stops the others
    assert tree(december.archive).items() >= before.items()
    plan = backhaul("plan", december.path, "--json")
    assert plan.code == 2
    assert plan.json["jobs"][0]["error"]["kind"] == "config"

    december.write(sources__account__username=stocktwits.USERNAME)
    again = backhaul("run", december.path, "--json", "--job", "backups")
    assert (again.code, again.json["jobs"][0]["files"]["fetched"]) == (0, 0)


@pytest.mark.parametrize("words", [("gaps",), ("files",), ("status", "--offline"), ("verify",)])
def test_offline_commands_report_it_too(
    backhaul: Run, december: Any, words: tuple[str, ...]
) -> None:
    backhaul("run", december.path)
    fine = backhaul(*words, december.path)
    december.write(sources__account__username="carol@example.org")

    ended = backhaul(*words, december.path)

    assert (ended.code, ended.out) == (0, fine.out)
    assert "carol@example.org" in ended.err
    assert "carol" not in fine.err


def test_an_account_from_an_unset_variable_is_not_compared(
    backhaul: Run, december: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGIN_OF_TEST", stocktwits.USERNAME)
    december.write(sources__account__username="${LOGIN_OF_TEST}")
    backhaul("run", december.path)
    monkeypatch.delenv("LOGIN_OF_TEST")

    ended = backhaul("gaps", december.path)

    assert (ended.code, ended.err) == (0, "")


def test_an_account_that_was_only_renamed_is_kept_when_the_user_says_so(
    backhaul: Run, december: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    backhaul("run", december.path)
    monkeypatch.setattr(stocktwits, "USERNAME", "new@example.org")
    december.write(sources__account__username="new@example.org")
    assert backhaul("run", december.path).code == 2

    assert backhaul("run", december.path, "--same-archive", "typo").code == 2
    once = backhaul("run", december.path, "--same-archive", "backups", "--json")
    again = backhaul("run", december.path, "--json")

    for ended in (once, again):
        assert (ended.code, ended.json["jobs"][0]["files"]["fetched"]) == (0, 0)


def test_a_wrong_account_without_any_file_may_be_corrected(backhaul: Run, december: Any) -> None:
    december.write(sources__account__username="typo@example.org")
    assert backhaul("run", december.path).code == 4
    december.write(sources__account__username=stocktwits.USERNAME)

    assert backhaul("run", december.path).code == 0


def test_a_service_with_another_address_is_the_same_archive_with_a_warning(
    backhaul: Run, bench: Run, december: Any
) -> None:
    backhaul("run", december.path)
    moved = bench("stocktwits-backup", records=2)
    december.write(sources__account__base_url=moved.one.url)

    (planned,) = backhaul("plan", december.path, "--json").json["jobs"]
    first, second = (backhaul("run", december.path, "--json") for _ in range(2))

    for ended in (first, second):
        assert (ended.code, ended.json["jobs"][0]["files"]["fetched"]) == (0, 0)
    warned, quiet = (ended.json["jobs"][0]["warnings"] for ended in (first, second))
    assert len(warned) == len(quiet) + 1
    for warnings in (warned, planned["warnings"]):
        assert any(moved.one.url in warning for warning in warnings)


def test_a_job_by_id_and_by_title_is_one_archive_and_another_title_is_another(
    backhaul: Run, bench: Run
) -> None:
    hpt = bench(slots=6)
    (name,) = hpt.document["jobs"]
    by_title = {"source": "account", "title": hpt.one.known[hpt.one.jobs()[name]["id"]].title}
    backhaul("run", hpt.path)
    before = tree(hpt.archive)

    hpt.write(jobs={name: by_title})
    same = backhaul("run", hpt.path, "--json")
    row = kept(hpt.archive, name)
    others = [job.title for job in hpt.one.known.values() if job.title != by_title["title"]]
    hpt.write(jobs={name: {"source": "account", "title": others[0]}})
    other = backhaul("run", hpt.path, "--json")

    assert (same.code, same.json["jobs"][0]["files"]["fetched"]) == (0, 0)
    assert other.code == 2
    assert tree(hpt.archive) == before
    assert kept(hpt.archive, name) == row
    hpt.write(jobs={name: by_title})
    assert backhaul("run", hpt.path).code == 0


def test_a_job_without_any_file_may_become_another(backhaul: Run, bench: Run) -> None:
    hpt = bench(slots=3, polls=9)
    ((name, right),) = hpt.document["jobs"].items()
    hpt.write(jobs={name: {"source": "account", "id": hpt.one.ids["running"]}})
    assert backhaul("run", hpt.path).code == 5
    hpt.write(jobs={name: right})

    assert backhaul("run", hpt.path).code == 0


def follow_advice(message: str) -> None:
    """Runs the command given in the message."""
    subprocess.run(shlex.split(message.split("`")[1]), check=True)


@pytest.mark.parametrize(
    "provider", usual(["gnip-hpt", "stocktwits-backup", "massrelevance-meta"], "gnip-hpt")
)
def test_a_renamed_job_is_found_again_and_the_message_names_the_way(
    backhaul: Run, bench: Run, provider: str
) -> None:
    made = bench(provider, **({"slots": 6} if provider == "gnip-hpt" else {}))
    ((old, keys),) = made.document["jobs"].items()
    backhaul("run", made.path)
    left = backhaul("plan", made.path, "--json").json["jobs"][0]["files"]  # missing files
    before = tree(made.archive / old)
    made.write(jobs={"new name": keys})

    refused = backhaul("run", made.path, "--json")
    planned = backhaul("plan", made.path, "--json")
    assert (refused.code, planned.code) == (2, 2)
    assert tree(made.archive) == {f"{old}/{name}": seen for name, seen in before.items()}
    follow_advice(refused.json["jobs"][0]["failures"][0]["message"])
    assert backhaul("plan", made.path, "--json").json["jobs"][0]["files"] == left
    ended = backhaul("run", made.path, "--json")

    (job,) = ended.json["jobs"]
    assert (ended.code, job["state"], job["files"]["fetched"]) == (0, "complete", 0)
    assert set(tree(made.archive / "new name")) == set(before)
    assert backhaul("verify", made.path).code == 0


def test_a_renamed_job_of_a_service_at_another_address_is_fetched_with_a_warning(
    backhaul: Run, bench: Run, december: Any
) -> None:
    backhaul("run", december.path)
    moved = bench("stocktwits-backup", records=2)
    week = december.document["jobs"]["backups"]
    december.write(jobs={"renamed": week}, sources__account__base_url=moved.one.url)

    (planned,) = backhaul("plan", december.path, "--json").json["jobs"]
    ended = backhaul("run", december.path, "--json")

    (job,) = ended.json["jobs"]
    assert (ended.code, job["files"]["fetched"]) == (0, planned["files"])
    for warnings in (planned["warnings"], job["warnings"]):
        assert any(str(december.archive / "backups") in warning for warning in warnings)


def test_a_renamed_queue_continues_where_it_left_off(backhaul: Run, bench: Run) -> None:
    made = bench("datasift-historics", interactions=600, step=1000)
    keys = {"source": "account", "id": made.one.main.id, "poll": "0.01s", "split": "2K"}
    made.write(jobs={"fog": keys}, settings__min_free_space=0)
    assert backhaul("run", made.path, "--wait", "20s").code == 0
    pieces = {path.name: path.read_bytes() for path in (made.archive / "fog").glob("*.gz")}
    made.write(jobs={"mist": keys})

    refused = backhaul("run", made.path, "--json")
    assert refused.code == 2
    assert not (made.archive / "mist").exists()
    follow_advice(refused.json["jobs"][0]["failures"][0]["message"])
    ended = backhaul("run", made.path, "--json")

    (job,) = ended.json["jobs"]
    assert (ended.code, job["state"], job["records"]) == (0, "complete", 600)
    assert {path.name: path.read_bytes() for path in (made.archive / "mist").glob("*.gz")} == pieces


def test_a_second_job_of_the_same_account_is_not_a_renamed_one(
    backhaul: Run, december: Any
) -> None:
    backhaul("run", december.path)
    week = {"source": "account", "from": "2016-12-10", "to": "2016-12-12"}
    december.write(jobs={"later": week})  # no longer has the first job, and has other days

    assert backhaul("run", december.path).code == 0


def test_a_copy_under_a_second_name_is_fetched_if_both_are_configured(
    backhaul: Run, december: Any
) -> None:
    backhaul("run", december.path)
    week = december.document["jobs"]["backups"]
    december.write(jobs={"backups": week, "copy": week})

    ended = backhaul("run", december.path, "--job", "copy", "--json")

    assert (ended.code, ended.json["jobs"][0]["files"]["fetched"]) == (0, 6)


def test_an_older_ledger_learns_the_identity_in_the_first_run(backhaul: Run, december: Any) -> None:
    backhaul("run", december.path)
    with sqlite3.connect(december.archive / ".backhaul/ledger.sqlite") as ledger:
        ledger.execute("UPDATE jobs SET fingerprint = NULL, seal = NULL")
    ledger.close()

    assert backhaul("run", december.path).code == 0

    december.write(sources__account__username="carol@example.org")
    assert backhaul("run", december.path).code == 2
