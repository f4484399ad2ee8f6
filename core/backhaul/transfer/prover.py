"""From a whole body to a proven file, or to what is wrong with it."""

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar

from backhaul.errors import FailureKind
from backhaul.mailbox import Mailbox
from backhaul.transfer.backlog import Backlog
from backhaul.transfer.body import INLINE, Body
from backhaul.transfer.handle import Handle, Head
from backhaul.transfer.judge import content_failure, size_failure
from backhaul.transfer.sink import Sink
from backhaul.transfer.state import State
from backhaul.transfer.unit import Counters, Failure
from backhaul.types import Content, SlotState
from backhaul.verify.evidence import LENGTH, UNPROVEN, evidence, shows_end
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import Limits, verify_quick, verify_small

_Seen = TypeVar("_Seen", Content, Content | None)


class Prover:
    """Has bodies verified that are here whole, and hands the good ones to the sink.

    Small ones that are as usual on the loop, since to hand them over would take longer; all others
    by the workers, so that the loop keeps running.

    Args:
        wrong: told when a file came whole and is not right.
        unproven: told when a file came and nothing shows that it is whole.
    """

    def __init__(
        self,
        sink: Sink,
        mailbox: Mailbox,
        workers: Executor,
        *,
        backlog: Backlog,
        counters: Counters,
        limits: Limits,
        wrong: Callable[[Body, Failure], None],
        unproven: Callable[[Body, Failure], None],
    ) -> None:
        self._sink = sink
        self._mailbox = mailbox
        self._workers = workers
        self._backlog = backlog
        self._counters = counters
        self._limits = limits
        self._wrong = wrong
        self._unproven = unproven

    def whole(self, handle: Handle, body: Body) -> None:
        """All bytes are here; the body's last answer is the handle's."""
        body.announced = body.expected is not None or (body.offset == 0 and handle.announced)
        if body.part is not None:
            self._finish(body)
            return
        data = body.chunks[0] if len(body.chunks) == 1 else b"".join(body.chunks)
        validator = body.validator if body.binding else _quick_validator(handle.headers)
        try:
            content = self._verify(verify_quick, body, data) if body.size <= INLINE else None
        except VerifyFault as fault:
            self._wrong(body, content_failure(fault))
            return
        if content is not None:
            self._verified(body, content, data, validator)
            return
        body.chunks = [data]
        body.state = State.VERIFYING
        self._backlog.add(body.size)
        self._workers.submit(self._beside, body, data, validator)

    def finish(self, body: Body) -> None:
        """All bytes are in the body's part, as many as were announced."""
        body.announced = True
        self._finish(body)

    def _finish(self, body: Body) -> None:
        if body.part is not None:
            body.state = State.VERIFYING
            body.part.finish(partial(self._part_done, body))

    def _verify(self, verify: Callable[..., _Seen], body: Body, data: bytes) -> _Seen:
        file = body.transfer.file
        return verify(
            data,
            file.content,
            footer_lines=file.footer_lines,
            checksum=file.checksum,
            limits=self._limits,
        )

    def _beside(self, body: Body, data: bytes, validator: str | None) -> None:
        """On a worker: the loop hears what came of it."""
        seen: Content | VerifyFault
        try:
            seen = self._verify(verify_small, body, data)
        except VerifyFault as fault:
            seen = fault
        except Exception as error:  # noqa: BLE001 - this file fails; the others continue
            text = f"could not be verified: {type(error).__name__}: {error}"
            seen = VerifyFault(FailureKind.CORRUPT, text)
        self._mailbox.post(self._seen, body, seen, data, validator)

    def _seen(
        self, body: Body, seen: Content | VerifyFault, data: bytes, validator: str | None
    ) -> None:
        self._backlog.done(len(data), broken=False)
        if isinstance(seen, Content):
            self._verified(body, seen, data, validator)
        else:
            self._wrong(body, content_failure(seen))

    def _part_done(self, body: Body, content: Content | None) -> None:
        part = body.part
        if part is None:
            return
        if content is None:
            self._wrong(body, content_failure(part.error))
            return
        part.close()
        self._verified(body, content, None, body.validator)

    def _verified(
        self, body: Body, content: Content, data: bytes | None, validator: str | None
    ) -> None:
        transfer = body.transfer
        file = transfer.file
        misfit = size_failure(file, content)
        if misfit is not None:
            self._wrong(body, misfit)
            return
        problem = self._sink.check(transfer, content)
        if problem is not None:
            kind = problem.kind or FailureKind.CORRUPT
            self._wrong(body, Failure(kind=kind, message=problem.message, state=SlotState.CORRUPT))
            return
        proof = evidence(file, content, checked=self._sink.checks(transfer))
        if body.announced:
            proof |= LENGTH
        if not (transfer.unproven or shows_end(proof)):
            failure = Failure(
                kind=FailureKind.TRUNCATED, message=UNPROVEN, fresh=True, rejected=True
            )
            self._unproven(body, failure)
            return
        self._counters.finished += 1
        by_job = self._counters.by_job
        by_job[transfer.job] = by_job.get(transfer.job, 0) + content.size
        body.state = State.PUBLISHING
        body.release()
        self._sink.arrived(transfer, content, data, validator, proof=proof)


def _quick_validator(lines: list[bytes]) -> str | None:
    """ETag, or else Last-Modified, without reading the whole head."""
    blob = b"".join(lines)
    start = blob.find(b"\nETag: ", max(0, blob.rfind(b"\nHTTP/")))  # of several heads, the last
    if start >= 0:
        start += 7
        return blob[start : blob.find(b"\n", start)].strip().decode("latin-1")
    headers = Head.parse(lines).headers
    return headers.get("etag") or headers.get("last-modified")
