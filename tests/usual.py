"""Which cases of a matrix the default run has: an example of each kind; `.ci/run` has them all."""

from collections.abc import Iterable
from typing import Any

import pytest


def usual(cases: Iterable[Any], *names: Any) -> list[Any]:
    """Marks as ``matrix`` all cases but these, which are named by their id or first value."""
    cases = list(cases)
    known = [_name(case) for case in cases]
    unknown = [name for name in names if name not in known]
    assert names, "the default run needs an example"
    assert not unknown, f"no such cases: {unknown}"
    return [
        case if name in names else _marked(case) for case, name in zip(cases, known, strict=True)
    ]


def _name(case: Any) -> Any:
    values = getattr(case, "values", None)
    if isinstance(values, tuple):  # of pytest.param
        return values[0] if case.id is None else case.id
    return case[0] if isinstance(case, tuple) else case


def _marked(case: Any) -> Any:
    values = getattr(case, "values", None)
    if isinstance(values, tuple):
        return pytest.param(*values, marks=[*case.marks, pytest.mark.matrix], id=case.id)
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.matrix)
