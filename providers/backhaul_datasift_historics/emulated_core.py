"""Calls about filters rather than queries: compile, validate, dpu, usage."""

import hashlib
import time
from email.utils import formatdate

from werkzeug import Response

from backhaul_datasift_historics.emulated_query import MADE, name_id
from backhaul_datasift_historics.emulated_responses import Calls, Given, answer, error

_PERIODS = {"hour": 3600, "day": 86400, "current": 600}
_DPU = 0.1


def core_calls() -> Calls:
    """Handlers by path."""
    return {"compile": _compile, "validate": _validate, "dpu": _dpu, "usage": _usage}


def _compile(given: Given) -> Response:
    csdl = given.get("csdl", "").strip()
    if not csdl:
        return error(400, "Please supply a CSDL to compile")
    made = hashlib.blake2b(csdl.encode(), digest_size=16).hexdigest()
    return answer({"hash": made, **_cost()})


def _validate(given: Given) -> Response:
    if not given.get("csdl", "").strip():
        return error(400, "Please supply a CSDL to validate")
    return answer(_cost())


def _dpu(given: Given) -> Response:
    if not (given.get("hash") or given.get("historics_id")):
        return error(400, "Please supply a hash or a historics_id")
    detail = {
        "contains": {"count": 1, "dpu": _DPU, "targets": {"interaction.content": {"count": 1}}}
    }
    return answer({"detail": detail, "dpu": _DPU})


def _usage(given: Given) -> Response:
    seconds = _PERIODS.get(given.get("period", "hour"))
    if seconds is None:
        return error(400, "The period parameter must be one of hour, day, current")
    used = {"licenses": {"tumblr": 17}, "seconds": 313}
    return answer(
        {
            "start": formatdate(MADE - seconds),
            "end": formatdate(MADE),
            "streams": {name_id("stream/usage", 32): used},
        }
    )


def _cost() -> dict[str, str]:
    # A number as a string, as in recorded responses.
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(MADE))
    return {"created_at": made, "dpu": str(_DPU)}
