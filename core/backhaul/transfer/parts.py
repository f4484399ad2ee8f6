"""Bodies on disk: moves them there, resumes those of earlier runs, and suspends them."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Final
from weakref import WeakSet

from backhaul.mailbox import Mailbox
from backhaul.transfer.backlog import Backlog
from backhaul.transfer.binding import load
from backhaul.transfer.body import INLINE, Body
from backhaul.transfer.coding import Decoder
from backhaul.transfer.context import JobContext, Keep
from backhaul.transfer.part import PartFile
from backhaul.transfer.segments import SegmentMap
from backhaul.transfer.unit import Failure, Transfer
from backhaul.transfer.verifiers import PartVerifier, Rules, Verifiers
from backhaul.verify.bounded import ContentLimits
from backhaul.verify.contents import parts

_HEAVY: Final = 32 << 20  # bytes of a file from which another process may verify it


class Parts:
    """Creates PartFiles for bodies.

    Args:
        mailbox: receives reports of worker threads.
        workers: write and verify.
        backlog: data waiting for the workers.
        jobs: contexts by job.
        verifiers: choose who verifies large files; None for this process.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        workers: Executor,
        backlog: Backlog,
        *,
        jobs: Mapping[str, JobContext],
        limits: ContentLimits,
        durable: bool,
        verifiers: Verifiers | None = None,
    ) -> None:
        self._mailbox = mailbox
        self._workers = workers
        self._backlog = backlog
        self._jobs = jobs
        self._limits = limits
        self._durable = durable
        self._verifiers = verifiers
        self._made: dict[str, WeakSet[PartFile]] = {}
        self._beside: Counter[str] = Counter()

    def beside(self, job: str, function: Callable[[bytes], object], data: bytes) -> None:
        """Calls a function with bytes of a job on a worker."""
        self._beside[job] += 1
        self._workers.submit(self._run, job, function, data)

    def _run(self, job: str, function: Callable[[bytes], object], data: bytes) -> None:
        try:
            function(data)
        finally:
            self._mailbox.post(self._has_run, job)

    def _has_run(self, job: str) -> None:
        self._beside[job] -= 1

    def at_work(self, job: str) -> bool:
        """Whether the workers have work for a job."""
        return self._beside[job] > 0 or any(part.at_work for part in self._made.get(job, ()))

    def end(self, job: str) -> None:
        """The job has no transfers left."""
        self._made.pop(job, None)
        del self._beside[job]

    def keeper(self, transfer: Transfer, failure: Failure, own: Collection[str]) -> Keep | None:
        """Returns a function that keeps rejected bytes; None if they are not kept."""
        rejected = self._jobs[transfer.job].rejected
        return None if rejected is None else rejected(transfer, failure, own)

    def take_up(self, body: Body) -> None:
        """Gives a new body the data of an earlier run, if it can be resumed. Raises OSError."""
        transfer = body.transfer
        workspace = self._jobs[transfer.job].workspace
        name = transfer.file.name
        found = load(workspace.read_sidecar(name))
        binding, marked = found or (None, [])
        size = workspace.part_size(name)
        spans = [span for span in marked if span[1] <= size]
        if binding is None or not binding.validator or not spans or not transfer.request.ranges:
            workspace.drop_part(name)
            return
        body.binding = binding
        body.validator = binding.validator
        body.part = self._part(body)
        body.part.resume(binding, spans)
        body.size = body.part.size
        if binding.segments and binding.length is not None:
            body.segment_map = SegmentMap(binding.length, ((start, end) for start, end, _ in spans))

    def spill(self, body: Body) -> None:
        """Moves a body from memory to disk, because it is large or kept for another run."""
        part = self._part(body)
        body.part = part
        if body.binding is not None:
            part.bind(body.binding)
        for chunk in body.chunks:
            part.append(chunk)
        body.chunks = []

    def decode(self, body: Body) -> None:
        """Writes to disk from the first byte, decoding the response's codings."""
        if body.part is None:
            body.part = self._part(body)
        body.part.decode(Decoder(body.codings, body.transfer.file, self._limits))

    def keep_for_later(self, body: Body) -> None:
        """Suspends a body, perhaps for another run: data worth keeping goes to disk."""
        if body.ahead is not None:
            return  # a checksum file
        if body.size > INLINE and body.part is None and body.binding is not None:
            self.spill(body)
        if body.part is not None:
            body.give_back()
            body.part.suspend()

    def _part(self, body: Body) -> PartFile:
        transfer = body.transfer
        part = PartFile(
            self._jobs[transfer.job].workspace,
            transfer.file.name,
            executor=self._workers,
            verifier=self._verifier(body),
            mailbox=self._mailbox,
            backlog=self._backlog,
            durable=self._durable,
        )
        self._made.setdefault(transfer.job, WeakSet()).add(part)
        return part

    def _verifier(self, body: Body) -> Callable[[str | None], PartVerifier]:
        transfer, file = body.transfer, body.transfer.file
        rules = Rules(file.content, file.footer_lines, body.checksum, self._limits)
        length = body.expected or (body.binding and body.binding.length) or file.size or 0
        if self._verifiers is None or length < _HEAVY or parts(file.content) == ("bytes", ""):
            return rules.verifier
        workspace = self._jobs[transfer.job].workspace
        return partial(self._verifiers.of, partial(workspace.open_part, file.name), rules)
