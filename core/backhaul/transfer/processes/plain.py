"""Converts values to plain tuples, which pickle much faster than dataclasses."""

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Generic, TypeVar

from backhaul.transfer.executor import WorkUnit
from backhaul.transfer.unit import Transfer
from backhaul.types import Content, RemoteFile, Request

T = TypeVar("T")
Plain = tuple[Any, ...]


class _Kind(Generic[T]):
    """Converts values of a dataclass with slots to tuples, and back without checking them again."""

    def __init__(self, kind: type[T], *inner: str) -> None:
        self._new = kind.__new__
        self._kind = kind
        names = [each.name for each in fields(kind) if each.name not in inner]  # type: ignore[arg-type]  # a dataclass
        self.apart = attrgetter(*names)
        self._set = [getattr(kind, name).__set__ for name in (*names, *inner)]

    def together(self, values: Sequence[Any], *inner: Any) -> T:
        """A value with these fields, in their order; those named as inner last."""
        made = self._new(self._kind)
        for put, value in zip(self._set, (*values, *inner), strict=True):
            put(made, value)
        return made


_FILE = _Kind(RemoteFile)
_REQUEST = _Kind(Request)
_CONTENT = _Kind(Content, "last", "document")


def plain_unit(unit: WorkUnit) -> Plain:
    """A unit as a tuple."""
    transfers = [
        (_FILE.apart(each.file), _REQUEST.apart(each.request), *each[3:]) for each in unit.transfers
    ]
    return unit.job, transfers, unit.partials


def unit_of(plain: Plain) -> WorkUnit:
    """The unit of such a tuple."""
    job, transfers, partials = plain
    made = [
        Transfer(job, _FILE.together(file), _REQUEST.together(request), *rest)
        for file, request, *rest in transfers
    ]
    return WorkUnit(job, tuple(made), partials)


def plain_content(content: Content) -> Plain:
    """A verifier's result as a tuple, without data that only a check needs."""
    return _CONTENT.apart(content)


def content_of(plain: Plain) -> Content:
    """The verifier's result of such a tuple."""
    return _CONTENT.together(plain, b"", None)
