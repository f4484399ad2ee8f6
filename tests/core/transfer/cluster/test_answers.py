"""Why a worker cannot be used, in words."""

import pytest

from backhaul.transfer.cluster.answers import reason
from backhaul.transfer.cluster.remote_calls import NotNow
from backhaul.transfer.cluster.requirements import this_version

WITHOUT = f"does not have backhaul: install version {this_version()} there, with its plugins"
OTHER = (
    f"has a different version of backhaul than this machine, {this_version()}: install the same one"
)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("", ""),
        (None, None),
        (OSError("gone"), None),
        (NotNow("paused"), None),
        (ModuleNotFoundError("No module named 'backhaul'", name="backhaul"), WITHOUT),
        # From a worker without backhaul, since Dask cannot unpickle the call there.
        (Exception("""ModuleNotFoundError("No module named 'backhaul'")"""), WITHOUT),
        (Exception("""ModuleNotFoundError("No module named 'backhaul.new'")"""), OTHER),
        (Exception("""ModuleNotFoundError("No module named 'yaml'")"""), "lacks the module yaml"),
        (RuntimeError("x"), "cannot be used: RuntimeError: x"),
    ],
)
def test_an_answer_says_why_a_worker_cannot_be_used(answer: object, expected: str | None) -> None:
    assert reason(answer) == expected
