"""The context of a job's transfers can be sent to another process, and works there."""

import json
import pickle
import sys
import threading
from pathlib import Path

from tests import warm
from tests.one_job import job_spec

from backhaul.errors import FailureKind
from backhaul.http.unused import UnusedHttp
from backhaul.ledger.ledger import Ledger
from backhaul.plugins.discovery import Plugins
from backhaul.run.job import Job
from backhaul.run.task import Task
from backhaul.run.transfer_events import TransferEvents
from backhaul.secret import Secret
from backhaul.storage.lease import Lease
from backhaul.transfer.unit import Failure, Transfer
from backhaul.types import Content, RemoteFile, Request

PASSWORD = "correct-horse"
FILE = RemoteFile("2014/a.json.gz", "https://h/a", content="jsonl.gz", footer_lines=1)
CONTENT = Content(size=3, sha256="0" * 64, records=2, last=b'{"info":{"activity_count":9}}')
TRANSFER = Transfer("0:job", FILE, Request("https://h/a?sig=1"))
FAILURE = Failure(kind=FailureKind.COUNT_MISMATCH, message="not all is here", rejected=True)
PROGRAM = """
import json, pickle, sys
workspace, check, rejected, pace, *_ = pickle.load(sys.stdin.buffer)
file, content, transfer, failure = pickle.load(sys.stdin.buffer)
workspace.write_part(file.name, b"whole")
rejected(transfer, failure, ())(b"an error page")
problem = check(file, content).problem
print(json.dumps([problem.kind, problem.message, check._source.password.reveal(), pace]))
"""


def test_parts_checks_and_rejected_bodies_of_a_job_work_in_another_process(tmp_path: Path) -> None:
    provider = Plugins().load("gnip-hpt")
    source = provider.info.source.model_validate(
        {"account": "acme", "username": "me", "password": Secret(PASSWORD)}
    )
    job = provider.info.job.model_validate({"id": "kj4r26m0qx"})
    spec = job_spec(
        tmp_path, source="gnip", provider=provider.name, source_options=source, options=job
    )
    with Ledger(tmp_path / ".backhaul") as ledger:
        task = Task(
            Job(spec, order=0), ledger=ledger, lease=Lease(tmp_path / ".backhaul", "job"), provider=provider,
            http=UnusedHttp(), stop=threading.Event(),
        )  # fmt: skip
        task.open_storage(durable=False)
        events = TransferEvents(
            {}, None, trouble=print, withdraw=print, rejected_limit=1 << 20  # type: ignore[arg-type] - not asked here
        )  # fmt: skip
        context = events.context(task)
        here = context.check(FILE, CONTENT).problem if context.check else None
        sent = pickle.dumps(tuple(context)) + pickle.dumps((FILE, CONTENT, TRANSFER, FAILURE))
        done = warm.run(
            [sys.executable, "-c", PROGRAM], input=sent, capture_output=True, check=True
        )
        task.close()

    assert PASSWORD.encode() not in sent
    assert here is not None
    assert json.loads(done.stdout) == [here.kind, here.message, "", None]
    assert (tmp_path / "job/2014/a.json.gz.part").read_bytes() == b"whole"
    kept = tmp_path / ".backhaul/rejected/job/2014/a.json.gz"
    assert kept.read_bytes() == b"an error page"
    assert (
        json.loads(kept.with_name("a.json.gz.reason.json").read_text())["message"]
        == FAILURE.message
    )
