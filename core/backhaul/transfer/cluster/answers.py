"""What a worker's answer to an examination means."""

import re
from typing import Final

from backhaul.transfer.cluster.remote_calls import NotNow
from backhaul.transfer.cluster.requirements import this_version

_MISSING: Final = re.compile(r"No module named '([\w.]+)'")


def reason(answer: object) -> str | None:
    """Why a worker cannot be used; empty if it can; None if it did not answer."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, OSError | NotNow) or answer is None:
        return None
    other = f"has a different version of backhaul than this machine, {this_version()}: install the same one"
    # Dask sends the text of an exception that was raised while it unpickled a call.
    told = _MISSING.search(str(answer))
    if isinstance(answer, ModuleNotFoundError) or (type(answer) is Exception and told):
        missing = getattr(answer, "name", "") or (told.group(1) if told else "")
        if missing == "backhaul":
            return (
                f"does not have backhaul: install version {this_version()} there, with its plugins"
            )
        return other if missing.startswith("backhaul.") else f"lacks the module {missing}"
    if isinstance(answer, AttributeError | ImportError | TypeError):
        return f"{other} ({answer})"
    return f"cannot be used: {type(answer).__name__}: {answer}"
