"""Rejected bodies of several processes together."""

from io import BytesIO
from pathlib import Path
from typing import Any, cast

from backhaul.run.rejected import Reason, RejectedBodies
from backhaul.storage.workspace import Workspace

BODY = b"<html>Sorry</html>".ljust(20_000)
EACH = len(BODY) + 8192  # with its entry in the folder


class Slow:
    """A workspace with a part; while it is read, another process keeps bodies."""

    def __init__(self, other: RejectedBodies) -> None:
        self.other = other

    def check(self) -> None:
        pass

    def read_part(self, name: str) -> BytesIO:
        return Part(BODY, self) if name == "slow.gz" else BytesIO(BODY)


class Part(BytesIO):
    def __init__(self, data: bytes, workspace: Slow) -> None:
        super().__init__(data)
        self.workspace = workspace

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() == 0:
            for number in range(3):
                keep(self.workspace.other, f"{number}.gz", self.workspace)
        return super().read(size)


def keep(bodies: RejectedBodies, name: str, workspace: Slow) -> None:
    reason = Reason(job="job", file=name, kind="not_data", message="", url="")
    bodies.keep(reason, cast("Workspace", workspace), (), None)


def test_a_body_that_another_process_displaces_while_it_is_written_does_not_exceed_the_limit(
    tmp_path: Path,
) -> None:
    made: list[Any] = [RejectedBodies(tmp_path, 3 * EACH, run="same") for _ in range(2)]
    keep(made[0], "slow.gz", Slow(made[1]))
    kept = {path.name for path in tmp_path.rglob("*.gz")}
    assert kept <= {"0.gz", "1.gz", "2.gz"}
    assert len(kept) == 3
    assert not list(tmp_path.rglob("slow*"))
