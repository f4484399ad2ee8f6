"""Verifies complete bodies."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from backhaul.errors import FailureKind
from backhaul.transfer.body import INLINE, Body, State
from backhaul.transfer.content_failures import content_failure, size_failure
from backhaul.transfer.context import Found
from backhaul.transfer.handle import Handle
from backhaul.transfer.head import Head
from backhaul.transfer.outcome import Done, Failed
from backhaul.transfer.pages import is_page
from backhaul.transfer.retry import Retry
from backhaul.transfer.shared import Shared
from backhaul.transfer.unit import Failure
from backhaul.types import Content, SlotState
from backhaul.verify.evidence import LENGTH, UNPROVEN, evidence, shows_end
from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import verify_quick, verify_small

_Content = TypeVar("_Content", Content, Content | None)


class _Wrong(NamedTuple):
    """A complete file that is rejected; ``unproven``: nothing proves that it is whole."""

    failure: Failure
    unproven: bool = False


class _Small(NamedTuple):
    """A file in memory; ``content``: the verifier's result, if verified already."""

    body: Body
    data: bytes
    validator: str | None
    content: Content | None = None


_Verdict = Done | Failed | _Wrong
_NO_CHECK = Found()
_PAGE = "an HTML page instead of the file"
_MANY = 256  # small files checked together
_AGE = 0.05  # maximum seconds a file waits for others
_LONG = 60.0


class Verification:
    """Verifies complete bodies and reports the good ones.

    Typical small bodies are verified on the loop, which is faster than passing them on; all others by the
    workers, so that the loop keeps receiving. The provider's ``check_file`` is called only on workers.

    Args:
        shared: the engine's.
        retry: receives files that are invalid, or that nothing proves to be whole.
    """

    def __init__(self, shared: Shared, retry: Retry) -> None:
        self._report = shared.report
        self._table = shared.table
        self._mailbox = shared.mailbox
        self._workers = shared.workers
        self._jobs = shared.jobs
        self._backlog = shared.backlog
        self._counters = shared.counters
        self._limits = shared.limits
        self._wrong = retry.wrong
        self._unproven = retry.failed
        self._together: list[_Small] = []
        self._since = 0.0
        self._at_work = 0  # files passed to the workers

    # -- on the loop --------------------------------------------------------------------------------

    def whole(self, handle: Handle, body: Body) -> None:
        """All bytes are present; the handle has the body's last response."""
        body.announced = body.expected is not None or (body.offset == 0 and handle.announced)
        if body.part is not None:
            self._finish(body)
            return
        data = body.chunks[0] if len(body.chunks) == 1 else b"".join(body.chunks)
        validator = body.validator if body.binding else _quick_validator(handle.headers)
        if is_page(body.transfer.file, body.checksum, handle.headers, data):
            self._wrong(body, content_failure(VerifyFault(FailureKind.NOT_DATA, _PAGE)))
            return
        try:
            content = self._verify(verify_quick, body, data) if body.size <= INLINE else None
        except VerifyFault as fault:
            self._wrong(body, content_failure(fault))
            return
        if content is not None and self._jobs[body.transfer.job].check is None:
            self._settle(body, self._stored(data, self._seen(body, content, validator)))
            return
        body.chunks = [data]
        body.state = State.VERIFYING
        self._at_work += 1
        self._backlog.add(body.size)
        small = _Small(body, data, validator, content)
        if content is None:
            self._workers.submit(self._judge, [small])
            return
        if not self._together:
            self._since = time.monotonic()
        self._together.append(small)

    def hand_over(self, now: float) -> float:
        """Passes small files to the workers in batches; returns the seconds until the next."""
        together = self._together
        left = self._since + _AGE - now
        if together and (len(together) >= _MANY or left <= 0 or not self._counters.active):
            self._together = []
            self._workers.submit(self._judge, together)
        return left if self._together else _LONG

    def finish(self, body: Body) -> None:
        """The body's part has all announced bytes."""
        body.announced = True
        self._finish(body)

    @property
    def at_work(self) -> bool:
        """Whether the workers have files, or will have."""
        return self._at_work > 0

    def _finish(self, body: Body) -> None:
        if body.part is not None:
            body.state = State.VERIFYING
            self._at_work += 1
            body.part.finish(partial(self._judge_part, body))

    def _judged(self, judged: Sequence[tuple[_Small, _Verdict]]) -> None:
        for (body, data, _, content), verdict in judged:
            self._at_work -= 1
            self._backlog.done(len(data))
            self._settle(body, verdict if content is None else self._stored(data, verdict))

    def _part_judged(self, body: Body, verdict: _Verdict) -> None:
        self._at_work -= 1
        if body.part is not None and isinstance(verdict, Done):
            body.part.close()
        self._settle(body, verdict)

    def _settle(self, body: Body, verdict: _Verdict) -> None:
        if isinstance(verdict, _Wrong):
            (self._unproven if verdict.unproven else self._wrong)(body, verdict.failure)
            return
        if isinstance(verdict, Done):
            self._counters.finished += 1
            job, by_job = verdict.transfer.job, self._counters.by_job
            by_job[job] = by_job.get(job, 0) + verdict.content.size
            body.state = State.PUBLISHING
            body.release()
        else:
            self._table.remove(body)
        self._report(verdict)

    def _stored(self, data: bytes, verdict: _Verdict) -> _Verdict:
        """Writes a verified file from memory to its part."""
        if isinstance(verdict, Done):
            transfer = verdict.transfer
            try:
                self._jobs[transfer.job].workspace.write_part(transfer.file.name, data)
            except OSError as error:
                return Failed(transfer, content_failure(error))
        return verdict

    # -- on a worker --------------------------------------------------------------------------------

    def _judge(self, files: Sequence[_Small]) -> None:
        with self._workers.with_plugin():
            judged = [(each, self._verdict(each)) for each in files]
        self._mailbox.post(self._judged, judged)

    def _judge_part(self, body: Body, content: Content | None) -> None:
        verdict: _Verdict
        if content is None:
            verdict = _Wrong(content_failure(body.part.error if body.part is not None else None))
        else:
            try:
                with self._workers.with_plugin():
                    verdict = self._seen(body, content, body.validator)
            except Exception as error:  # noqa: BLE001 - fails only this file
                verdict = _unexpected(error)
        self._mailbox.post(self._part_judged, body, verdict)

    def _verdict(self, small: _Small) -> _Verdict:
        body, data, validator, content = small
        try:
            if content is not None:
                return self._seen(body, content, validator)
            content = self._verify(verify_small, body, data)
            return self._stored(data, self._seen(body, content, validator))
        except VerifyFault as fault:
            return _Wrong(content_failure(fault))
        except Exception as error:  # noqa: BLE001 - fails only this file
            return _unexpected(error)

    # -- on either ----------------------------------------------------------------------------------

    def _verify(self, verify: Callable[..., _Content], body: Body, data: bytes) -> _Content:
        file, binding = body.transfer.file, body.binding
        return verify(
            data,
            file.content,
            footer_lines=file.footer_lines,
            checksum=body.checksum or (None if binding is None else binding.digest),
            limits=self._limits,
        )

    def _seen(self, body: Body, content: Content, validator: str | None) -> _Verdict:
        """Whether a verified file is the requested one."""
        transfer = body.transfer
        file = transfer.file
        misfit = size_failure(file, content)
        if misfit is not None:
            return _Wrong(misfit)
        check = self._jobs[transfer.job].check
        problem, warnings = _NO_CHECK if check is None else check(file, content)
        if problem is not None:
            kind = problem.kind or FailureKind.CORRUPT
            return _Wrong(Failure(kind=kind, message=problem.message, state=SlotState.CORRUPT))
        proof = evidence(file, content, checked=check is not None)
        if body.announced:
            proof |= LENGTH
        if not (transfer.unproven or shows_end(proof)):
            failure = Failure(
                kind=FailureKind.TRUNCATED, message=UNPROVEN, fresh=True, rejected=True
            )
            return _Wrong(failure, unproven=True)
        return Done(transfer, content, validator, proof, body.part is not None, warnings)


def _unexpected(error: Exception) -> _Wrong:
    text = f"could not be verified: {type(error).__name__}: {error}"
    return _Wrong(content_failure(VerifyFault(FailureKind.CORRUPT, text)))


def _quick_validator(lines: list[bytes]) -> str | None:
    """ETag, otherwise Last-Modified, without parsing all headers."""
    for each in reversed(lines):
        if each.startswith(b"ETag: "):
            return each[6:].strip().decode("latin-1")
        if each.startswith(b"HTTP/"):
            break  # before it are other headers
    headers = Head.parse(lines).headers
    return headers.get("etag") or headers.get("last-modified")
