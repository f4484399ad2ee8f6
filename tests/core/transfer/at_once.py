"""A mailbox for tests without a loop."""

from collections.abc import Callable
from typing import ParamSpec

from backhaul.mailbox import Mailbox

P = ParamSpec("P")


class AtOnce(Mailbox):
    """Calls each function immediately."""

    def __init__(self) -> None:
        super().__init__(wake=self.deliver)

    def post(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        function(*args, **kwargs)
